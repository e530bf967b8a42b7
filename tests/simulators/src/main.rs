//! All simulators with their ready-made worlds, until Ctrl-C: for a look by hand with any client.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Parser;
use simulators::{Simulators, SimulatorsConfig};

/// Simulated EC2 PrivateLink, HCP and Aiven on free ports of 127.0.0.1.
#[derive(Debug, Parser)]
struct Args {
    /// How many times faster than the wall's the simulated clock runs.
    #[arg(long, default_value_t = 24.0)]
    speed: f64,
    /// The emulator that gets the calls of Route 53 and STS and the EC2 actions which are not simulated, as http://127.0.0.1:4566.
    #[arg(long)]
    upstream: Option<String>,
    /// Where to write the certificate authority; without it, it is printed.
    #[arg(long)]
    ca_file: Option<PathBuf>,
    /// Offer an endpoint service in eu-west-1 to this account, for trying EC2 without a vendor.
    #[arg(long)]
    offer_to: Option<String>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let args = Args::parse();
    let config = SimulatorsConfig {
        speed: args.speed,
        upstream: args.upstream,
        ..SimulatorsConfig::default()
    };
    let simulators = Simulators::start(config).await?;
    println!("EC2    {}", simulators.ec2_url);
    if let Some(url) = &simulators.route53_url {
        println!("Route 53 {url}");
    }
    if let Some(url) = &simulators.sts_url {
        println!("STS    {url}");
    }
    println!("HCP    {}  (tokens: {})", simulators.hcp_url, simulators.hcp_auth_url);
    println!("Aiven  {}", simulators.aiven_url);
    match args.ca_file {
        Some(path) => {
            std::fs::write(&path, &simulators.ca_pem)?;
            println!("CA     {}", path.display());
        }
        None => print!("{}", simulators.ca_pem),
    }
    if let Some(account) = args.offer_to {
        let principals = BTreeSet::from([format!("arn:aws:iam::{account}:root")]);
        let zone_ids = ["euw1-az1", "euw1-az2", "euw1-az3"].map(str::to_owned).to_vec();
        let service = simulators
            .fabric
            .offer_service("eu-west-1", principals, BTreeSet::new(), zone_ids);
        println!("Offers {}", service.name);
    }
    tokio::signal::ctrl_c().await
}

//! What `sam deploy` does: a stack from a packaged template.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use roxmltree::{Document, Node};

use crate::aws::Aws;
use crate::package::Package;
use crate::{Error, Result};

const SERVICE: &str = "cloudformation";
const VERSION: &str = "2010-05-15";
const LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(100);

/// Name to value.
pub type Outputs = BTreeMap<String, String>;

/// Uploads the artefacts and creates the stack, or updates it if it exists; waits until it is done and returns its outputs.
///
/// # Errors
/// When an upload or the stack fails, with what CloudFormation says of each resource that failed; when it takes more than two minutes.
pub async fn deploy(
    aws: &Aws,
    stack: &str,
    bucket: &str,
    package: &Package,
    parameters: &BTreeMap<String, String>,
) -> Result<Outputs> {
    for (key, path) in &package.artefacts {
        let content = fs::read(path).map_err(|error| Error::new(format!("reading {}", path.display()), error))?;
        aws.put_object(bucket, key, content).await?;
    }
    let template_key = format!("{stack}.template.json");
    aws.put_object(bucket, &template_key, package.template.to_string().into_bytes())
        .await?;

    let mut form = vec![
        ("StackName".to_owned(), stack.to_owned()),
        ("TemplateURL".to_owned(), aws.object_url(bucket, &template_key)),
        ("Capabilities.member.1".to_owned(), "CAPABILITY_IAM".to_owned()),
        ("Capabilities.member.2".to_owned(), "CAPABILITY_NAMED_IAM".to_owned()),
        ("Capabilities.member.3".to_owned(), "CAPABILITY_AUTO_EXPAND".to_owned()),
    ];
    for (n, (name, value)) in (1..).zip(parameters) {
        form.push((format!("Parameters.member.{n}.ParameterKey"), name.clone()));
        form.push((format!("Parameters.member.{n}.ParameterValue"), value.clone()));
    }
    if !submit(aws, stack, &form).await? {
        return Ok(read(aws, stack).await?.outputs);
    }
    wait(aws, stack).await
}

/// Whether there is anything to wait for.
async fn submit(aws: &Aws, stack: &str, form: &[(String, String)]) -> Result<bool> {
    let failed = |error: &dyn std::fmt::Display| Error::new(format!("deploying the stack {stack}"), error);
    let created = aws.query(SERVICE, "CreateStack", VERSION, form).await?;
    match created {
        Ok(_) => return Ok(true),
        Err(error) if error.code == "AlreadyExistsException" => {}
        Err(error) => return Err(failed(&error)),
    }
    match aws.query(SERVICE, "UpdateStack", VERSION, form).await? {
        Ok(_) => Ok(true),
        Err(error) if error.message.contains("No updates are to be performed") => Ok(false),
        Err(error) => Err(failed(&error)),
    }
}

async fn wait(aws: &Aws, stack: &str) -> Result<Outputs> {
    let what = format!("deploying the stack {stack}");
    let deadline = Instant::now() + LIMIT;
    loop {
        let state = read(aws, stack).await?;
        if matches!(state.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE") {
            return Ok(state.outputs);
        }
        let going_on = state.status.ends_with("_IN_PROGRESS") && !state.status.contains("ROLLBACK");
        if !going_on || Instant::now() > deadline {
            let reasons = failures(aws, stack).await?;
            return Err(Error::new(what, format!("it is {}\n{}", state.status, reasons)));
        }
        tokio::time::sleep(POLL).await;
    }
}

struct State {
    status: String,
    outputs: Outputs,
}

async fn read(aws: &Aws, stack: &str) -> Result<State> {
    let xml = ask(aws, "DescribeStacks", stack).await?;
    let document = parse(&xml)?;
    let outputs = document
        .descendants()
        .filter(|node| is(node, "OutputKey"))
        .filter_map(|key| Some((key.text()?.to_owned(), child(key.parent()?, "OutputValue")?)))
        .collect();
    let status = document
        .descendants()
        .find(|node| is(node, "StackStatus"))
        .and_then(|node| node.text());
    Ok(State {
        status: status.unwrap_or_default().to_owned(),
        outputs,
    })
}

/// What CloudFormation says of each resource that failed, oldest first.
async fn failures(aws: &Aws, stack: &str) -> Result<String> {
    let xml = ask(aws, "DescribeStackEvents", stack).await?;
    let document = parse(&xml)?;
    let mut lines: Vec<String> = document
        .descendants()
        .filter(|node| is(node, "LogicalResourceId"))
        .filter_map(|id| {
            let event = id.parent()?;
            let status = child(event, "ResourceStatus").filter(|status| status.ends_with("FAILED"))?;
            let reason = child(event, "ResourceStatusReason").unwrap_or_default();
            Some(format!("  {} {status}: {reason}", id.text()?))
        })
        .collect();
    lines.reverse();
    Ok(if lines.is_empty() {
        "  (no event says why)".to_owned()
    } else {
        lines.join("\n")
    })
}

async fn ask(aws: &Aws, action: &str, stack: &str) -> Result<String> {
    let form = [("StackName".to_owned(), stack.to_owned())];
    let answer = aws.query(SERVICE, action, VERSION, &form).await?;
    answer.map_err(|error| Error::new(format!("reading the stack {stack}"), error))
}

fn parse(xml: &str) -> Result<Document<'_>> {
    Document::parse(xml).map_err(|error| Error::new("reading CloudFormation's answer", error))
}

fn child(node: Node<'_, '_>, name: &str) -> Option<String> {
    let found = node.children().find(|child| is(child, name))?;
    found.text().map(str::to_owned)
}

/// Whether the tag has this name, whatever its namespace.
fn is(node: &Node<'_, '_>, name: &str) -> bool {
    node.tag_name().name() == name
}

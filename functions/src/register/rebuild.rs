//! Rows made of the tags of endpoints, for a register that was lost.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use shared::identity::{ConnectionId, TAG_CONNECTION, TAG_KEYS, key_mark, provider_of_tags};
use shared::register::{self, Row, Status};
use shared::request::{self, Request};
use shared::{Error, Result};

use super::Register;
use crate::consumer_role::Account;
use crate::context::Context;
use crate::ec2::endpoints::{self, Endpoint, State};
use crate::ec2::groups::managed;
use crate::ec2::vpc;

/// An account, and a region of it.
pub(super) type Place = (String, String);

/// What a rebuild came to.
#[derive(Debug, Default, Serialize)]
pub(super) struct Rebuilt {
    /// Connections that have a row now.
    made: Vec<String>,
    /// Connections that had one, which says more than tags do.
    kept: Vec<String>,
    skipped: Vec<Skipped>,
}

/// What no row could be made of.
#[derive(Debug, Serialize)]
struct Skipped {
    account_id: String,
    region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_id: Option<String>,
    reason: String,
}

/// Looks for endpoints of connections. A place that cannot be looked at does not hide the others.
pub(super) async fn rebuild(context: &Context, register: &Register, places: &[Place]) -> Result<Rebuilt> {
    let mut rebuilt = Rebuilt::default();
    for (account_id, region) in places {
        let skipped = |endpoint_id: Option<String>, reason: String| Skipped {
            account_id: account_id.clone(),
            region: region.clone(),
            endpoint_id,
            reason,
        };
        let ec2 = match ec2_of(context, account_id, region).await {
            Ok(ec2) => ec2,
            Err(error) => {
                rebuilt.skipped.push(skipped(None, error.message));
                continue;
            }
        };
        let found = match endpoints::find_of_any_connection(&ec2).await {
            Ok(found) => found,
            Err(error) => {
                rebuilt.skipped.push(skipped(None, error.message));
                continue;
            }
        };
        for endpoint in newest(found, account_id) {
            match row_of(context, &ec2, &endpoint, region).await {
                Ok(row) => {
                    let id = row.connection_id.to_string();
                    if register.put_if_absent(&row).await? {
                        rebuilt.made.push(id);
                    } else {
                        rebuilt.kept.push(id);
                    }
                }
                Err(error) => rebuilt.skipped.push(skipped(Some(endpoint.id), error.message)),
            }
        }
    }
    Ok(rebuilt)
}

/// EC2 in an account and region: the one place of a rebuild that knows how another account is reached.
async fn ec2_of(context: &Context, account_id: &str, region: &str) -> Result<aws_sdk_ec2::Client> {
    let account = Account {
        id: account_id,
        role_arn: None,
    };
    context.ec2_of(account, region).await
}

/// Of each connection the live endpoint, the newest if it is just being replaced.
fn newest(found: Vec<Endpoint>, account_id: &str) -> Vec<Endpoint> {
    let mut by_connection = BTreeMap::new();
    for endpoint in found {
        let is_own = endpoint.owner_id == account_id;
        if let (true, true, Some(id)) = (is_own, endpoint.is_live(), endpoint.tags.get(TAG_CONNECTION)) {
            // They come oldest first.
            by_connection.insert(id.clone(), endpoint);
        }
    }
    by_connection.into_values().collect()
}

async fn row_of(context: &Context, ec2: &aws_sdk_ec2::Client, endpoint: &Endpoint, region: &str) -> Result<Row> {
    let cidrs = vpc::cidrs_of(ec2, std::slice::from_ref(&endpoint.vpc_id)).await?;
    let provider = provider_of_tags(&endpoint.tags, &cidrs).map_err(|why| Error::invalid_at("tags", why))?;
    let document = json!({"provider": provider, "consumer": consumer(endpoint, region)});
    let prefix = &context.settings.secret_name_prefix;
    let mut request = request::validate(&document, prefix)?;
    let connection = ConnectionId::of(&request, &endpoint.vpc_id);
    if !endpoint.is_of(&connection) {
        return Err(Error::invalid_at(
            "tags",
            format!("they make {connection}, which is not the connection that the endpoint is tagged with"),
        ));
    }
    if !managed::find(ec2, &connection).await?.is_empty() {
        // The workflow made the group, and goes on keeping it.
        request.consumer.security_group_ids.clear();
    }
    Ok(row(connection, endpoint, &request))
}

fn row(connection: ConnectionId, endpoint: &Endpoint, request: &Request) -> Row {
    let execution = endpoint.execution().unwrap_or_default();
    let mut row = Row::new(connection, endpoint.vpc_id.clone(), request, execution, register::now());
    if endpoint.state == State::Available {
        row.status = Status::Connected;
    }
    row.phase = "rebuilt".to_owned();
    row.state = Some(endpoint.raw_state.clone());
    row.endpoint_id = Some(endpoint.id.clone());
    row.generation = Some(endpoint.generation());
    row
}

/// The consumer's side as the endpoint is.
fn consumer(endpoint: &Endpoint, region: &str) -> Value {
    let marks: Vec<&str> = endpoint
        .tags
        .get(TAG_KEYS)
        .map_or("", String::as_str)
        .split(' ')
        .collect();
    let of_request = endpoint
        .tags
        .iter()
        .filter(|(key, _)| marks.contains(&key_mark(key).as_str()));
    json!({
        "account_id": endpoint.owner_id,
        "region": region,
        "vpc_id": endpoint.vpc_id,
        "subnet_ids": endpoint.subnet_ids,
        "security_group_ids": endpoint.security_group_ids,
        "tags": of_request.collect::<BTreeMap<_, _>>(),
    })
}

//! An endpoint's way to the components: its connection at Aiven, the switches, and the rows that say where they answer.
//!
//! Many connections wait at once and Aiven limits calls, so a look asks for what is missing: the connection until it is up, then the
//! components' rows; and for what others may have undone when all is there.

use super::checks;
use super::components;
use super::errors::Failure;
use super::plan;
use super::wire::{Connection, Service};
use super::{Aiven, conflict};
use crate::Result;
use crate::document::Access;
use crate::progress::{AFTER_START_SECONDS, Look, Pending};

/// Every look of this number asks for the connection, even if an earlier one found it. If the endpoint is not listed, it has Aiven
/// refresh its list, which normally learns of one by an event.
pub const LOOKS_PER_REFRESH: u32 = 4;

/// `connection_id`: as the last look found it, if it did.
pub(super) async fn look(
    aiven: &Aiven,
    endpoint_id: &str,
    attempt: u32,
    connection_id: Option<&str>,
) -> Result<Look<Access>> {
    let known = connection_id.filter(|_| !attempt.is_multiple_of(LOOKS_PER_REFRESH));
    if let Some(id) = known {
        return aiven.components(&aiven.client.service().await?, id).await;
    }
    // The two share it, and each would read it.
    aiven.client.token().await?;
    let service = async {
        // At a later one the connection has been waited for, and likely has to be again.
        if attempt <= 1 {
            Some(aiven.client.service().await)
        } else {
            None
        }
    };
    let (connections, service) = tokio::join!(aiven.client.connections(), service);
    let connections = match connections {
        Err(failure) if failure.is_absent() => return Ok(no_service().into()),
        connections => connections?,
    };
    let id = match connections.iter().find(|c| c.vpc_endpoint_id == endpoint_id) {
        None => return aiven.unlisted(endpoint_id, attempt).await.map(Look::Pending),
        Some(connection) => match connected(connection)? {
            Look::Pending(pending) => return Ok(pending.into()),
            Look::Ready(id) => id,
        },
    };
    let service = match service {
        Some(service) => service?,
        None => aiven.client.service().await?,
    };
    aiven.components(&service, &id).await
}

impl Aiven {
    /// Why an endpoint may not be listed yet.
    async fn unlisted(&self, endpoint_id: &str, attempt: u32) -> Result<Pending> {
        if attempt.is_multiple_of(LOOKS_PER_REFRESH) {
            if let Some(pending) = self.undone().await? {
                return Ok(pending);
            }
            self.client.refresh_if_possible().await?;
        }
        Ok(Pending::new(
            "unlisted",
            format!("Aiven does not list the endpoint {endpoint_id} yet, though it is available in AWS."),
        ))
    }

    /// What others have undone since the service was ensured, and what to wait for then.
    async fn undone(&self) -> Result<Option<Pending>> {
        match self.client.privatelink().await {
            // It may also be one that passes.
            Err(failure) if failure.is_absent() => Ok(Some(no_service())),
            link => self.still_allowed(&link?).await,
        }
    }

    /// Switches on what is off, and gives the addresses when they are all there and nothing is undone.
    async fn components(&self, service: &Service, connection_id: &str) -> Result<Look<Access>> {
        let wanted = &self.params.components;
        let off = plan::switched_off(service, wanted);
        let all = match components::addresses(service, wanted, connection_id) {
            Ok(components) if off.is_empty() => Some(components),
            Err(missing) if off.is_empty() => return Ok(not_shown(service, &missing, connection_id).into()),
            _ => None,
        };
        if let Some(pending) = self.undone().await? {
            return Ok(pending.of_connection(connection_id).into());
        }
        let Some(components) = all else {
            return match self.client.switch_access(&off, true).await {
                Ok(()) => Ok(enabling(&off).of_connection(connection_id).into()),
                Err(failure) => again_after_conflict(failure),
            };
        };
        Ok(Look::Ready(Access {
            vendor_connection_id: Some(connection_id.to_owned()),
            components,
            hosted_zone_id: None,
        }))
    }
}

fn no_service() -> Pending {
    Pending::new(
        "absent",
        "Aiven shows no PrivateLink service any more; if this stays, somebody deleted it: start again.",
    )
}

fn enabling(components: &[String]) -> Pending {
    let reason = format!(
        "Aiven is enabling PrivateLink access to {}, which takes a few minutes.",
        components.join(", ")
    );
    Pending::new("enabling", reason).wait(AFTER_START_SECONDS)
}

fn not_shown(service: &Service, missing: &[String], connection_id: &str) -> Pending {
    let reason = format!(
        "Aiven does not show yet where these answer over the connection {connection_id}: {}.",
        missing.join(", ")
    );
    Pending::new(service.state.as_str(), reason).of_connection(connection_id)
}

/// The id of a connection that traffic can pass, by Aiven's state of it.
fn connected(connection: &Connection) -> Result<Look<String>> {
    let state = connection.state.as_str();
    match state {
        "connected" | "active" => Ok(match &connection.privatelink_connection_id {
            Some(id) => Look::Ready(id.clone()),
            None => Pending::new(state, "Aiven has not given the connection an id yet.").into(),
        }),
        "pending-user-approval" => Ok(Pending::new(
            state,
            "somebody must approve the connection in Aiven, as in an Enhanced Compliance Environment: ask Aiven's support or the \
             project's operator.",
        )
        .into()),
        "user-approved" => Ok(Pending::new(state, "the connection is approved and Aiven is connecting it.").into()),
        other => Err(checks::unknown_state(
            &format!("the connection of {}", connection.vpc_endpoint_id),
            other,
        )),
    }
}

/// Looks again after a write that found another state than the look before it; any other failure is one.
fn again_after_conflict<T>(failure: Failure) -> Result<Look<T>> {
    match conflict(&failure) {
        Some(pending) => Ok(pending.into()),
        None => Err(failure.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::ErrorName;
    use crate::provider::aiven::samples::connection;

    #[test]
    fn a_connection_is_up_when_it_is_connected_and_has_an_id() {
        for state in ["connected", "active"] {
            assert_eq!(
                connected(&connection("vpce-1", "plc1", state)).unwrap(),
                Look::Ready("plc1".to_owned())
            );
        }
        for (id, state, words) in [
            ("", "active", "an id"),
            ("plc1", "pending-user-approval", "approve"),
            ("plc1", "user-approved", "approved"),
        ] {
            let Look::Pending(pending) = connected(&connection("vpce-1", id, state)).unwrap() else {
                panic!("{state} is ready");
            };
            assert_eq!(pending.state, state);
            assert!(pending.reason.contains(words), "{}", pending.reason);
        }
        let error = connected(&connection("vpce-1", "plc1", "rejected")).unwrap_err();
        assert_eq!(error.name, ErrorName::Unexpected);
        assert!(error.message.contains("\"rejected\""));
    }
}

//! One run at a time writes at a vendor's service: Aiven's PUT replaces a whole list, and HCP refuses a change during another.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use shared::document::{Document, Execution};
use shared::progress::{Look, Pending};
use shared::provider::{Provider, Withheld, Writing};
use shared::register::LEASE_SECONDS;
use shared::request::Request;
use shared::{Error, ErrorName, Result, aws};

use super::{CONDITION_FAILED, ID, Register};
use crate::context::Context;
use crate::patience::jittered;

const LEASES: &str = "lease/";
const HOLDER: &str = "holder";
/// The table forgets a lease by the same attribute as a row.
const EXPIRES_AT: &str = "expires_at";
/// Until the look at a service that somebody else is changing.
const BUSY_SECONDS: u32 = 5;

/// A vendor's look that may write: first without writing, and, where it would, again while no other run may.
///
/// Without a register it writes at once.
///
/// # Errors
/// As the look; `Unavailable` where the lease cannot be taken for another reason than that somebody has it.
pub async fn in_turn<T>(
    context: &Context,
    document: &Document,
    look: impl AsyncFn(&dyn Provider) -> Result<Look<T>>,
) -> Result<Look<T>> {
    let request = &document.request;
    let Some(register) = context.register().await else {
        return look(context.provider(request).await.as_ref()).await;
    };
    let withheld = Withheld::default();
    let reader = context
        .provider_that(request, Writing::Withheld(withheld.clone()))
        .await;
    let answer = look(reader.as_ref()).await;
    if !withheld.was_wanted() {
        return answer;
    }
    match register.take(request, &document.execution).await? {
        Taken::Busy(holder) => Ok(busy(request, &document.execution, &holder).into()),
        Taken::Lease(lease) => {
            let answer = look(context.provider(request).await.as_ref()).await;
            register.give_back(lease).await;
            answer
        }
    }
}

/// A vendor's look that writes nothing; none where it would.
///
/// # Errors
/// As the look.
pub async fn without_writing<T>(
    context: &Context,
    document: &Document,
    look: impl AsyncFn(&dyn Provider) -> Result<Look<T>>,
) -> Result<Option<Look<T>>> {
    let withheld = Withheld::default();
    let reader = context
        .provider_that(&document.request, Writing::Withheld(withheld.clone()))
        .await;
    let answer = look(reader.as_ref()).await;
    if withheld.was_wanted() {
        Ok(None)
    } else {
        answer.map(Some)
    }
}

fn busy(request: &Request, execution: &Execution, holder: &str) -> Pending {
    let wait = jittered(BUSY_SECONDS, 2 * BUSY_SECONDS, &execution.id, 0);
    let service = request.provider.display_name();
    let reason = format!("another execution is changing the service {service} ({holder}).");
    Pending::new("busy", reason).wait(wait)
}

enum Taken {
    Lease(Lease),
    /// The execution that has it.
    Busy(String),
}

struct Lease {
    id: String,
    holder: String,
}

impl Register {
    /// A lease that ran out is anybody's. The own one is taken again: its function died, or this is a retry of it.
    async fn take(&self, request: &Request, execution: &Execution) -> Result<Taken> {
        let lease = Lease {
            id: format!("{LEASES}{}", request.provider.service_coordinates().join("/")),
            holder: execution.id.clone(),
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let number = |seconds: u64| AttributeValue::N(seconds.to_string());
        let answer = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .item(ID, AttributeValue::S(lease.id.clone()))
            .item(HOLDER, AttributeValue::S(lease.holder.clone()))
            .item(EXPIRES_AT, number(now + LEASE_SECONDS))
            .condition_expression("attribute_not_exists(#id) OR #expires_at < :now OR #holder = :holder")
            .expression_attribute_names("#id", ID)
            .expression_attribute_names("#expires_at", EXPIRES_AT)
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_values(":now", number(now))
            .expression_attribute_values(":holder", AttributeValue::S(lease.holder.clone()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Taken::Lease(lease)),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    let holder = refused.item().and_then(|item| item.get(HOLDER)?.as_s().ok());
                    Ok(Taken::Busy(holder.cloned().unwrap_or_else(|| "unknown".to_owned())))
                }
                _ => Err(not_taken(aws::error(
                    &error,
                    "taking the lease of the vendor's service",
                ))),
            },
        }
    }

    /// What cannot be given back runs out.
    async fn give_back(&self, lease: Lease) {
        let answer = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .key(ID, AttributeValue::S(lease.id))
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_values(":holder", AttributeValue::S(lease.holder))
            .send()
            .await;
        if let Err(error) = answer
            && aws::code(&error) != Some(CONDITION_FAILED)
        {
            let message = aws::error(&error, "giving the lease back").message;
            tracing::warn!(message, "the lease of the vendor's service runs out by itself");
        }
    }
}

/// Without the lease nothing may be written: a register that is out of order is waited for.
fn not_taken(error: Error) -> Error {
    Error {
        name: ErrorName::Unavailable,
        ..error
    }
}

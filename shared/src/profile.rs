//! Vending profiles: which accounts get which connection. A profile turns an account into a request.
//!
//! A profile is kept as JSON in a parameter of SSM Parameter Store; the last segment of the parameter's name is the profile's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Result;
use crate::request::json_schema;
use crate::request::schema::{schema_of, text_of};
use crate::request::validate::{Violation, check, read, report};

/// Stands for the account where there is none yet.
const ANY_ACCOUNT: &str = "000000000000";
/// What a request gets from the reference, and not from the profile.
const OF_THE_REFERENCE: [&str; 2] = ["action", "plan_for"];
/// The vendor's lists of principals, which are the account's own.
const PRINCIPALS: [&str; 2] = ["principals", "consumer_accounts"];

/// A vending profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Vending profile")]
pub struct Profile {
    /// The version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// The accounts that get a connection as soon as they are vended. Without any, the profile is only for who names it.
    #[serde(default)]
    pub targets: Targets,
    /// A request without `action`, `plan_for` and `consumer.account_id`: those come with the account. `consumer.wait_for_network` is true unless it says otherwise.
    #[schemars(schema_with = "request_schema")]
    pub request: Map<String, Value>,
    /// Whether the sweep mends what it finds changed, and makes what is missing.
    #[serde(default)]
    pub repair: bool,
}

/// Which accounts a profile is for: those included that are not excluded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    /// The accounts to include.
    #[serde(default)]
    pub include: Include,
    /// Of those, the accounts to leave out.
    #[serde(default)]
    pub exclude: Exclude,
}

/// Accounts to include.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Include {
    /// Every account that is vended.
    #[serde(default)]
    pub all: bool,
    /// Organizational units, each by its id (`ou-…`) or its name; of the account's own unit, not of those above it.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 128)), extend("uniqueItems" = true))]
    pub ous: Vec<String>,
    /// AWS accounts: 12 digits each, as strings.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[0-9]{12}$")), extend("uniqueItems" = true))]
    pub accounts: Vec<String>,
}

/// Accounts to leave out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exclude {
    /// Organizational units, each by its id (`ou-…`) or its name.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 128)), extend("uniqueItems" = true))]
    pub ous: Vec<String>,
    /// AWS accounts: 12 digits each, as strings.
    #[serde(default)]
    #[schemars(inner(regex(pattern = r"^[0-9]{12}$")), extend("uniqueItems" = true))]
    pub accounts: Vec<String>,
}

impl Profile {
    /// Reads a profile and checks it, the request included.
    ///
    /// `name`: for the message. `secret_name_prefix`: as for a request.
    ///
    /// # Errors
    /// `InvalidRequest` with every violation, each on its own line as `<JSON pointer>: <what is wrong>`.
    pub fn parse(name: &str, text: &str, secret_name_prefix: &str) -> Result<Self> {
        let what = format!("the vending profile \"{name}\"");
        let document: Value = serde_json::from_str(text)
            .map_err(|error| report(&what, vec![Violation::at("", format!("is not JSON ({error})"))]))?;
        // What belongs into the request is checked below, as of any request.
        let mut schema = schema_of::<Self>();
        schema["properties"]["request"] = json!({"type": "object"});
        let mut violations = Vec::new();
        let profile = match read::<Self>(&document, &schema, Vec::new()) {
            Ok(profile) => {
                violations.extend(profile.targets.violations());
                Some(profile)
            }
            Err(found) => {
                violations.extend(found);
                None
            }
        };
        if let Some(request) = document.get("request").and_then(Value::as_object) {
            violations.extend(request_violations(request, secret_name_prefix));
        }
        match profile {
            Some(profile) if violations.is_empty() => Ok(profile),
            _ => Err(report(&what, violations)),
        }
    }

    /// Whether the profile is for an account, of which the organizational unit is known by its id, its name, both or not at all.
    pub fn matches(&self, account_id: &str, ou_id: Option<&str>, ou_name: Option<&str>) -> bool {
        let of_ou = |ous: &[String]| {
            ous.iter()
                .any(|ou| Some(ou.as_str()) == ou_id || Some(ou.as_str()) == ou_name)
        };
        let of_account = |accounts: &[String]| accounts.iter().any(|account| account == account_id);
        let Targets { include, exclude } = &self.targets;
        let included = include.all || of_account(&include.accounts) || of_ou(&include.ous);
        included && !of_account(&exclude.accounts) && !of_ou(&exclude.ous)
    }

    /// The request for an account, not yet validated.
    pub fn request_for(&self, account_id: &str) -> Value {
        request_for(&self.request, account_id)
    }
}

impl Targets {
    fn violations(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        let Self { include, exclude } = self;
        if include.all && !(include.ous.is_empty() && include.accounts.is_empty()) {
            let message =
                "is true, so that \"ous\" and \"accounts\" beside it say nothing; leave out the one or the others";
            violations.push(Violation::at("/targets/include/all", message));
        }
        for (field, included, excluded) in [
            ("ous", &include.ous, &exclude.ous),
            ("accounts", &include.accounts, &exclude.accounts),
        ] {
            let twice = excluded.iter().enumerate().filter(|(_, item)| included.contains(item));
            violations.extend(twice.map(|(i, item)| {
                Violation::at(
                    format!("/targets/exclude/{field}/{i}"),
                    format!("\"{item}\" is included too; leave it out of one of the two"),
                )
            }));
        }
        violations
    }
}

/// Every violation of a profile's request, below `/request`.
fn request_violations(request: &Map<String, Value>, secret_name_prefix: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut of_account = |path: String, from: &str| {
        violations.push(Violation::at(path, format!("leave it out: it comes {from}")));
    };
    for field in OF_THE_REFERENCE.iter().filter(|field| request.contains_key(**field)) {
        of_account(
            format!("/request/{field}"),
            "with the account, from whoever starts the run",
        );
    }
    if request.get("consumer").is_some_and(|c| c.get("account_id").is_some()) {
        of_account("/request/consumer/account_id".to_owned(), "with the account");
    }
    for field in PRINCIPALS {
        if request.get("provider").is_some_and(|p| p.get(field).is_some()) {
            of_account(
                format!("/request/provider/{field}"),
                "with the account, whose root it is",
            );
        }
    }
    if violations.is_empty()
        && let Err(found) = check(&request_for(request, ANY_ACCOUNT), secret_name_prefix)
    {
        violations.extend(found.into_iter().map(|violation| violation.below("/request")));
    }
    violations
}

fn request_for(request: &Map<String, Value>, account_id: &str) -> Value {
    let mut request = request.clone();
    if let Some(consumer) = request.get_mut("consumer").and_then(Value::as_object_mut) {
        consumer.insert("account_id".to_owned(), json!(account_id));
        if knows_waiting() {
            consumer.entry("wait_for_network").or_insert(json!(true));
        }
    }
    Value::Object(request)
}

/// Whether requests have the field `wait_for_network`.
fn knows_waiting() -> bool {
    json_schema()
        .pointer("/properties/consumer/properties/wait_for_network")
        .is_some()
}

/// The schema of a request without what comes with the account.
fn request_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let mut schema = json_schema();
    for field in ["$schema", "title"] {
        leave_out(&mut schema, field);
    }
    for field in OF_THE_REFERENCE {
        leave_out(&mut schema["properties"], field);
    }
    let consumer = &mut schema["properties"]["consumer"];
    leave_out(&mut consumer["properties"], "account_id");
    if let Some(required) = consumer["required"].as_array_mut() {
        required.retain(|field| field != "account_id");
    }
    let vendors = schema["properties"]["provider"]["oneOf"].as_array_mut();
    for vendor in vendors.into_iter().flatten() {
        for field in PRINCIPALS {
            leave_out(&mut vendor["properties"], field);
        }
    }
    schemars::Schema::try_from(schema).unwrap_or_default()
}

fn leave_out(object: &mut Value, field: &str) {
    if let Some(fields) = object.as_object_mut() {
        fields.remove(field);
    }
}

/// The schema as the text of `infra/profile.schema.json`.
///
/// # Errors
/// None in practice: a schema is plain JSON.
pub fn schema_text() -> serde_json::Result<String> {
    text_of(&schema_of::<Profile>())
}

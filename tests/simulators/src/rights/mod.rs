//! What a caller may do at AWS, by the policies of its role as they are deployed: a call that they do not grant is answered as AWS answers
//! it, and what was granted and used is written down.
//!
//! ```text
//! request ─► access key ─► who (STS of the emulator) ─► policies (IAM of the emulator; of other accounts infra/consumer-role.yaml)
//!         └► actions, resources, condition keys ───────┴► allowed, by which statement
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `policy.rs` | IAM's grammar |
//! | `asked.rs`, `ec2.rs`, `route53.rs` | what each call needs |
//! | `deployed.rs` | the policies that are deployed |
//!
//! A caller that is no session of a role, as a test itself is, may do anything.

mod asked;
mod deployed;
mod ec2;
pub mod policy;
mod route53;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use serde_json::Value;

use crate::ec2::Ec2;
use crate::recorder::Api;
use crate::upstream::Upstream;
use asked::{Asked, Place};
pub use deployed::logical_id;
use policy::Statement;

/// How the roles in consumers' accounts are named in [`Use`].
pub const CONSUMER_ROLE: &str = "ConsumerRole";

/// A right that was used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The role's id in its template, like `EnsureEndpointRole`.
    pub role: String,
    /// The statement's `Sid`.
    pub sid: String,
    /// As the policy writes it, like `ec2:CreateVpcEndpoint`.
    pub action: String,
}

/// The rights of all callers of one emulator. Clones share what was seen.
#[derive(Debug, Clone)]
pub struct Rights {
    ec2: Ec2,
    upstream: Upstream,
    /// Of the role in other accounts, with CloudFormation's `Fn::Sub`.
    consumer_policy: Option<Arc<Value>>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// By access key.
    callers: BTreeMap<String, Caller>,
    /// Of roles that are not deployed, by account and name: each of their sessions has the same.
    consumers: BTreeMap<(String, String), Arc<[Statement]>>,
    used: BTreeMap<Use, u64>,
    denied: Vec<String>,
}

/// A session of a role.
#[derive(Debug, Clone)]
struct Caller {
    account: String,
    role: String,
    statements: Arc<[Statement]>,
}

impl Caller {
    fn consumer(account: String, statements: Arc<[Statement]>) -> Self {
        Self {
            account,
            role: CONSUMER_ROLE.to_owned(),
            statements,
        }
    }
}

impl Rights {
    /// `upstream`: the emulator's address. `consumer_policy`: the policy document of the roles in other accounts; without one their sessions
    /// may do anything.
    pub fn new(ec2: Ec2, upstream: &str, consumer_policy: Option<Value>) -> Self {
        Self {
            ec2,
            upstream: Upstream::new(upstream),
            consumer_policy: consumer_policy.map(Arc::new),
            seen: Arc::default(),
        }
    }

    /// The rights that were used, each with the number of calls.
    pub fn used(&self) -> BTreeMap<Use, u64> {
        self.lock().used.clone()
    }

    /// Calls that were refused for want of a right: the role, the action, the resource and its condition keys.
    pub fn denied(&self) -> Vec<String> {
        self.lock().denied.clone()
    }

    /// The same, and forgets them.
    pub fn take_denied(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().denied)
    }

    /// Whether the caller may make this call.
    pub(crate) async fn allow(&self, api: Api, operation: &str, parts: &Parts, body: &Bytes) -> bool {
        let header = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((key, region)) = header.and_then(credential) else {
            return true;
        };
        let Some(caller) = self.caller(key).await else {
            return true;
        };
        let place = Place {
            account: &caller.account,
            region,
        };
        let asked = match asked::of_call(api, operation, place, parts, body, &self.ec2) {
            Ok(asked) => asked,
            Err(unknown) => {
                self.lock().denied.push(format!("{}: {unknown}", caller.role));
                return false;
            }
        };
        let mut seen = self.lock();
        let mut allowed = true;
        for one in &asked {
            let granted = uses(&caller, one);
            if granted.is_empty() {
                allowed = false;
                let Asked {
                    action,
                    resource,
                    context,
                } = one;
                let denied = format!("{} lacks {action} on {resource} with {context:?}", caller.role);
                seen.denied.push(denied);
            }
            for granted in granted {
                *seen.used.entry(granted).or_default() += 1;
            }
        }
        allowed
    }

    async fn caller(&self, key: &str) -> Option<Caller> {
        if key.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let known = self.lock().callers.get(key).cloned();
        if known.is_some() {
            return known;
        }
        let caller = self.find(key).await;
        // What could not be found now may be found later.
        if let Some(caller) = &caller {
            // EC2 would ask the emulator for each key anew.
            self.ec2.with_world(|world| {
                world.access_keys.insert(key.to_owned(), caller.account.clone());
            });
            self.lock().callers.insert(key.to_owned(), caller.clone());
        }
        caller
    }

    async fn find(&self, key: &str) -> Option<Caller> {
        let arn = self.upstream.identity_of(key).await?;
        // arn:aws:sts::<account>:assumed-role/<role>/<session>
        let mut parts = arn.splitn(6, ':').skip(4);
        let account = parts.next()?.to_owned();
        let role = parts
            .next()?
            .strip_prefix("assumed-role/")?
            .split('/')
            .next()?
            .to_owned();
        let place = (account, role);
        let known = self.lock().consumers.get(&place).cloned();
        if let Some(statements) = known {
            return Some(Caller::consumer(place.0, statements));
        }
        let details = self.upstream.authorization_details(&place.0).await?;
        if let Some(policies) = deployed::policies_of(&details, &place.1) {
            let role = deployed::logical_id(&place.1);
            return Some(Caller {
                statements: self.statements(&role, &policies),
                account: place.0,
                role,
            });
        }
        let policy = deployed::filled(self.consumer_policy.as_deref()?, &place.0);
        let statements = self.statements(CONSUMER_ROLE, &[policy]);
        self.lock().consumers.insert(place.clone(), Arc::clone(&statements));
        Some(Caller::consumer(place.0, statements))
    }

    fn statements(&self, role: &str, policies: &[Value]) -> Arc<[Statement]> {
        let statements: Result<Vec<_>, _> = policies.iter().map(policy::statements).collect();
        match statements {
            Ok(statements) => statements.concat().into(),
            Err(why) => {
                let unread = format!("{role}: its policy cannot be read: {why}");
                self.lock().denied.push(unread);
                Arc::default()
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rights of the caller that grant this, each of them alone.
fn uses(caller: &Caller, asked: &Asked) -> Vec<Use> {
    let Asked {
        action,
        resource,
        context,
    } = asked;
    let granting = caller
        .statements
        .iter()
        .filter(|statement| statement.allows(action, resource, context));
    granting
        .map(|statement| Use {
            role: caller.role.clone(),
            sid: statement.sid.clone(),
            action: action.clone(),
        })
        .collect()
}

/// Access key and region of `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/…`.
fn credential(authorization: &str) -> Option<(&str, &str)> {
    let (_, scope) = authorization.split_once("Credential=")?;
    let mut parts = scope.split('/');
    let key = parts.next()?;
    let region = parts.nth(1)?;
    Some((key, region))
}

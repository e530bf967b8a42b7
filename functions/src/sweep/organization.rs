//! The accounts of the organization, each with the unit that it is in.

use aws_sdk_organizations::Client;
use shared::{Result, aws};

/// An account and the unit that it is in, by which profiles choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub id: String,
    /// None right below the root.
    pub ou_id: Option<String>,
    pub ou_name: Option<String>,
}

/// A root or an organizational unit.
struct Parent {
    id: String,
    /// None of a root.
    ou_name: Option<String>,
}

/// Every active account, by a walk through all units.
///
/// # Errors
/// As Organizations answers: it does so only in the management account, and in one to which it has delegated that.
pub async fn accounts(organizations: &Client) -> Result<Vec<Account>> {
    let mut accounts = Vec::new();
    let mut open = roots(organizations).await?;
    while let Some(parent) = open.pop() {
        for id in accounts_in(organizations, &parent.id).await? {
            accounts.push(Account {
                id,
                ou_id: parent.ou_name.as_ref().map(|_| parent.id.clone()),
                ou_name: parent.ou_name.clone(),
            });
        }
        open.extend(units_in(organizations, &parent.id).await?);
    }
    Ok(accounts)
}

async fn roots(organizations: &Client) -> Result<Vec<Parent>> {
    let (mut roots, mut page) = (Vec::new(), None);
    loop {
        let answer = organizations
            .list_roots()
            .set_next_token(page)
            .send()
            .await
            .map_err(|error| aws::error(&error, "listing the roots of the organization"))?;
        let ids = answer.roots().iter().filter_map(|root| root.id());
        roots.extend(ids.map(|id| Parent {
            id: id.to_owned(),
            ou_name: None,
        }));
        page = answer.next_token;
        if page.is_none() {
            return Ok(roots);
        }
    }
}

async fn accounts_in(organizations: &Client, parent_id: &str) -> Result<Vec<String>> {
    let (mut accounts, mut page) = (Vec::new(), None);
    loop {
        let answer = organizations
            .list_accounts_for_parent()
            .parent_id(parent_id)
            .set_next_token(page)
            .send()
            .await
            .map_err(|error| aws::error(&error, &format!("listing the accounts in {parent_id}")))?;
        for account in answer.accounts() {
            let is_active = account.state().is_none_or(|state| state.as_str() == "ACTIVE");
            accounts.extend(account.id().filter(|_| is_active).map(str::to_owned));
        }
        page = answer.next_token;
        if page.is_none() {
            return Ok(accounts);
        }
    }
}

async fn units_in(organizations: &Client, parent_id: &str) -> Result<Vec<Parent>> {
    let (mut units, mut page) = (Vec::new(), None);
    loop {
        let answer = organizations
            .list_organizational_units_for_parent()
            .parent_id(parent_id)
            .set_next_token(page)
            .send()
            .await
            .map_err(|error| aws::error(&error, &format!("listing the organizational units in {parent_id}")))?;
        units.extend(answer.organizational_units().iter().filter_map(|unit| {
            Some(Parent {
                id: unit.id()?.to_owned(),
                ou_name: unit.name().map(str::to_owned),
            })
        }));
        page = answer.next_token;
        if page.is_none() {
            return Ok(units);
        }
    }
}

//! The list: rows of the register and accounts of the profiles, each connection once.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use shared::profile::Profile;
use shared::register::{Row, Status};

use super::organization::Account;

/// No run takes longer: `TimeoutSeconds` of the workflow.
const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(24);

/// One thing to look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What it is listed and paged by.
    pub key: String,
    /// The workflow's input, but for the action.
    pub reference: Value,
    /// Whether a drift is mended.
    pub repair: bool,
}

/// What the list is made of.
#[derive(Debug)]
pub struct Known<'a> {
    pub rows: &'a [Row],
    /// Name, profile and version.
    pub profiles: &'a [(String, Profile, u64)],
    /// Of the organization; none where they cannot be listed.
    pub accounts: &'a Option<Vec<Account>>,
    pub now: Timestamp,
}

impl Known<'_> {
    /// The list in the order of its keys. `repair` wins over what the profiles say.
    ///
    /// An account of a profile is looked at by the profile as it is now, and its row not once more. Connections that a run is
    /// just changing are left alone, and so are those that are wanted gone.
    pub fn items(&self, repair: Option<bool>) -> Vec<Item> {
        let mut items = BTreeMap::new();
        let busy: BTreeSet<_> = self
            .rows
            .iter()
            .filter(|row| self.is_busy(row))
            .filter_map(|row| Some((row.origin.as_ref()?.profile.as_str(), row.account_id.as_str())))
            .collect();
        for (name, profile, _) in self.profiles {
            for account in self.targets(profile) {
                if busy.contains(&(name.as_str(), account)) {
                    continue;
                }
                let item = Item {
                    key: format!("profile/{name}/{account}"),
                    reference: json!({"profile": name, "account_id": account}),
                    repair: repair.unwrap_or(profile.repair),
                };
                items.insert(item.key.clone(), item);
            }
        }
        for row in self.rows {
            let profile = row.origin.as_ref().and_then(|origin| self.profile(&origin.profile));
            let is_covered = profile.is_some_and(|profile| self.targets(profile).contains(row.account_id.as_str()));
            let is_wanted = !matches!(row.status, Status::Removing | Status::Removed);
            if is_covered || !is_wanted || self.is_busy(row) {
                continue;
            }
            let item = Item {
                key: format!("connection/{}", row.connection_id),
                reference: json!({"connection_id": row.connection_id}),
                repair: repair.unwrap_or(profile.is_some_and(|profile| profile.repair)),
            };
            items.insert(item.key.clone(), item);
        }
        items.into_values().collect()
    }

    /// Targets of profiles that need the organization, where that is not known.
    pub fn unlistable(&self) -> Vec<String> {
        let needing = self.profiles.iter().filter(|(_, profile, _)| {
            let include = &profile.targets.include;
            self.accounts.is_none() && (include.all || !include.ous.is_empty())
        });
        needing
            .map(|(name, ..)| {
                format!(
                    "the vending profile \"{name}\" targets accounts by organizational units, or all of them: just those of them that the \
                     register knows are looked at. Set the stack's OrganizationsAccess to have the others listed."
                )
            })
            .collect()
    }

    fn profile(&self, name: &str) -> Option<&Profile> {
        let found = self.profiles.iter().find(|(known, ..)| known == name);
        found.map(|(_, profile, _)| profile)
    }

    /// The accounts of a profile, as far as they are known: of the organization, and those that it names.
    fn targets<'a>(&'a self, profile: &'a Profile) -> BTreeSet<&'a str> {
        let listed = self.accounts.as_deref().unwrap_or_default();
        let of_organization = listed
            .iter()
            .filter(|account| profile.matches(&account.id, account.ou_id.as_deref(), account.ou_name.as_deref()))
            .map(|account| account.id.as_str());
        let named = profile.targets.include.accounts.iter().map(String::as_str);
        // One that is listed has been judged by its unit, too.
        let named =
            named.filter(|id| !listed.iter().any(|account| account.id == **id) && profile.matches(id, None, None));
        of_organization.chain(named).collect()
    }

    /// A run is changing it. One that was broken off is busy no longer than a run can last.
    fn is_busy(&self, row: &Row) -> bool {
        let changing = matches!(row.status, Status::Connecting | Status::Removing);
        changing && self.now.duration_since(row.updated_at) < LONGEST_RUN
    }
}

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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use shared::document::Origin;
    use shared::request::validate;

    use super::*;

    const NOW: &str = "2026-01-10T00:00:00Z";

    fn profile(targets: &Value, repair: bool) -> Profile {
        let profile = json!({
            "version": 1, "targets": targets, "repair": repair,
            "request": {
                "provider": {"type": "aiven", "project": "p", "service_name": "s", "components": ["kafka"], "secret_id": "privatelink/s"},
                "consumer": {"region": "eu-west-1", "vpc_id": "vpc-0a1b2c3d"}
            }
        });
        Profile::parse("p", &profile.to_string(), "privatelink/").unwrap()
    }

    fn row(id: &str, account: &str, profile: Option<&str>, status: Status, updated_at: &str) -> Row {
        let request = json!({
            "provider": {"type": "aiven", "project": "p", "service_name": "s", "components": ["kafka"], "secret_id": "privatelink/s"},
            "consumer": {"account_id": account, "region": "eu-west-1", "vpc_id": "vpc-0a1b2c3d"}
        });
        let request = validate(&request, "privatelink/").unwrap();
        let id = serde_json::from_value(json!(id)).unwrap();
        let mut row = Row::new(
            id,
            "vpc-0a1b2c3d".to_owned(),
            &request,
            "arn",
            updated_at.parse().unwrap(),
        );
        row.status = status;
        row.origin = profile.map(|profile| Origin {
            profile: profile.to_owned(),
            version: 1,
        });
        row
    }

    fn account(id: &str, ou_id: &str, ou_name: &str) -> Account {
        Account {
            id: id.to_owned(),
            ou_id: Some(ou_id.to_owned()),
            ou_name: Some(ou_name.to_owned()),
        }
    }

    fn listed(
        rows: &[Row],
        profiles: &[(String, Profile, u64)],
        accounts: Option<Vec<Account>>,
    ) -> Vec<(String, bool)> {
        let known = Known {
            rows,
            profiles,
            accounts: &accounts,
            now: NOW.parse().unwrap(),
        };
        known
            .items(None)
            .into_iter()
            .map(|item| (item.key, item.repair))
            .collect()
    }

    fn keys(items: &[(&str, bool)]) -> Vec<(String, bool)> {
        items.iter().map(|(key, repair)| ((*key).to_owned(), *repair)).collect()
    }

    #[test]
    fn rows_are_listed_unless_they_are_wanted_gone_or_a_run_is_busy_with_them() {
        let earlier = "2026-01-01T00:00:00Z";
        let just = "2026-01-09T23:00:00Z";
        let rows = [
            row("plw-1", "111122223333", None, Status::Connected, earlier),
            row("plw-2", "111122223333", None, Status::Failed, just),
            row("plw-3", "111122223333", None, Status::NeedsAttention, earlier),
            row("plw-4", "111122223333", None, Status::Connecting, just),
            row("plw-5", "111122223333", None, Status::Connecting, earlier),
            row("plw-6", "111122223333", None, Status::Removing, earlier),
            row("plw-7", "111122223333", None, Status::Removed, earlier),
        ];
        let expected = ["plw-1", "plw-2", "plw-3", "plw-5"].map(|id| (format!("connection/{id}"), false));
        assert_eq!(listed(&rows, &[], None), expected);
    }

    #[test]
    fn a_profile_covers_the_rows_of_its_accounts_and_no_others() {
        let include = json!({"include": {"accounts": ["111122223333", "444455556666", "555555555555"]}});
        let profiles = [("p".to_owned(), profile(&include, true), 1)];
        let at = "2026-01-09T23:00:00Z";
        let rows = [
            row("plw-1", "111122223333", Some("p"), Status::Connected, at),
            // By hand, in an account of the profile.
            row("plw-2", "111122223333", None, Status::Connected, at),
            // Its account is no target any more, its profile is gone, a run is busy.
            row("plw-3", "123456789012", Some("p"), Status::Connected, at),
            row("plw-4", "123456789012", Some("gone"), Status::Connected, at),
            row("plw-5", "555555555555", Some("p"), Status::Connecting, at),
        ];
        let expected = [
            ("connection/plw-2", false),
            ("connection/plw-3", true),
            ("connection/plw-4", false),
            ("profile/p/111122223333", true),
            ("profile/p/444455556666", true),
        ];
        assert_eq!(listed(&rows, &profiles, None), keys(&expected));
    }

    #[test]
    fn accounts_are_chosen_as_at_their_vending() {
        let targets = json!({
            "include": {"ous": ["Custom"], "accounts": ["444455556666"]},
            "exclude": {"ous": ["ou-ab12-suspended"], "accounts": ["555555555555"]}
        });
        let profiles = [("p".to_owned(), profile(&targets, false), 1)];
        let accounts = vec![
            account("111122223333", "ou-ab12-custom00", "Custom"),
            account("123456789012", "ou-ab12-sandbox0", "Sandbox"),
            account("444455556666", "ou-ab12-suspended", "Suspended"),
            account("555555555555", "ou-ab12-custom00", "Custom"),
        ];
        let expected = [("profile/p/111122223333", false)];
        assert_eq!(listed(&[], &profiles, Some(accounts)), keys(&expected));
        // Without the organization only what is named is known.
        let expected = [("profile/p/444455556666", false)];
        assert_eq!(listed(&[], &profiles, None), keys(&expected));
    }

    #[test]
    fn what_needs_the_organization_is_noted() {
        let by_unit = profile(&json!({"include": {"ous": ["Custom"]}}), false);
        let named = profile(&json!({"include": {"accounts": ["111122223333"]}}), false);
        let profiles = [("units".to_owned(), by_unit, 1), ("named".to_owned(), named, 1)];
        let notes = |accounts: Option<Vec<Account>>| {
            let known = Known {
                rows: &[],
                profiles: &profiles,
                accounts: &accounts,
                now: NOW.parse().unwrap(),
            };
            known.unlistable()
        };
        assert_eq!(notes(None).len(), 1);
        assert!(notes(None)[0].contains("\"units\""));
        assert_eq!(notes(Some(Vec::new())), Vec::<String>::new());
    }
}

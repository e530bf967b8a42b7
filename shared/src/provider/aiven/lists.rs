//! The lists of a PrivateLink service, which all its consumers share.
//!
//! Aiven's PUT replaces a whole list, so that every body here starts from what is there.

use super::wire::{Lists, PrivateLink};
use crate::{Error, ErrorName, Result, request};

/// Principals of one PrivateLink service (Aiven's OpenAPI specification, as in its Terraform provider: 1 to 16).
const MAX_PRINCIPALS: usize = 16;
/// Regions besides the service's own (Aiven's documentation of cross-region connections).
const MAX_REGIONS: usize = 16;

/// What a request changes in the lists: what it wants and they do not have, and what it wants out and they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Delta {
    pub(super) principals: Vec<String>,
    pub(super) regions: Vec<String>,
    remove_principals: Vec<String>,
    remove_regions: Vec<String>,
}

impl Delta {
    /// `link`: the PrivateLink service, if it is there. `own_region`: the service's, which is always included and never listed.
    pub(super) fn of(params: &request::Aiven, link: Option<&PrivateLink>, own_region: &str) -> Self {
        let mut regions = params.supported_regions.clone();
        regions.retain(|region| region != own_region);
        let Some(link) = link else {
            return Self {
                principals: params.principals.clone(),
                regions,
                remove_principals: Vec::new(),
                remove_regions: Vec::new(),
            };
        };
        let principals = not_in(&params.principals, &link.principals);
        let remove_principals = both(&link.principals, &params.remove_principals);
        let (regions, remove_regions) = match &link.supported_regions {
            Some(there) => {
                let mut unwanted = both(there, &params.remove_supported_regions);
                unwanted.retain(|region| region != own_region);
                (not_in(&regions, there), unwanted)
            }
            // An API that does not show them: they go along with a change, but never cause one, which no look could see done.
            None if principals.is_empty() && remove_principals.is_empty() => (Vec::new(), Vec::new()),
            None => (regions, Vec::new()),
        };
        Self {
            principals,
            regions,
            remove_principals,
            remove_regions,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.principals.is_empty()
            && self.regions.is_empty()
            && self.remove_principals.is_empty()
            && self.remove_regions.is_empty()
    }

    /// The body that makes these changes and keeps all else.
    ///
    /// # Errors
    /// `LimitExceeded` when the lists cannot hold what is to be added, with a line for each.
    pub(super) fn applied_to(&self, link: Option<&PrivateLink>, own_region: &str) -> Result<Lists> {
        let there = link.map(|link| link.principals.as_slice()).unwrap_or_default();
        let mut principals = not_in(there, &self.remove_principals);
        principals.extend(self.principals.iter().cloned());

        let there = link.and_then(|link| link.supported_regions.as_deref());
        let mut regions = not_in(there.unwrap_or_default(), &self.remove_regions);
        regions.retain(|region| region != own_region);
        regions.extend(self.regions.iter().cloned());

        let mut full = Vec::new();
        if !self.principals.is_empty() {
            full.extend(too_many(
                "/provider/principals",
                "principal",
                &principals,
                MAX_PRINCIPALS,
            ));
        }
        if !self.regions.is_empty() {
            full.extend(too_many(
                "/provider/supported_regions",
                "additional region",
                &regions,
                MAX_REGIONS,
            ));
        }
        if !full.is_empty() {
            return Err(Error::new(
                ErrorName::LimitExceeded,
                format!(
                    "the lists of the service's PrivateLink cannot hold what the request needs; nothing was written to them. Have \
                     entries removed that nobody uses any more, then start again.{}",
                    full.concat()
                ),
            ));
        }
        let regions_change = !self.regions.is_empty() || !self.remove_regions.is_empty();
        Ok(Lists {
            principals,
            supported_regions: regions_change.then_some(regions),
        })
    }
}

/// How full the lists are after a run: "principals: 3 of 16 after this run". `lists`: what the run writes, if it writes.
pub(super) fn counts(link: Option<&PrivateLink>, lists: Option<&Lists>, own_region: &str) -> Vec<String> {
    let principals = match (lists, link) {
        (Some(lists), _) => lists.principals.len(),
        (None, link) => link.map_or(0, |link| link.principals.len()),
    };
    let mut counts = vec![format!("principals: {principals} of {MAX_PRINCIPALS} after this run")];
    let written = lists.and_then(|lists| lists.supported_regions.as_deref());
    let there = link.and_then(|link| link.supported_regions.as_deref());
    let regions = written.or(there).unwrap_or_default();
    let regions = regions.iter().filter(|region| *region != own_region).count();
    if regions > 0 {
        counts.push(format!("additional regions: {regions} of {MAX_REGIONS} after this run"));
    }
    counts
}

/// The items of `wanted` that are not in `there`, in their order.
pub(super) fn not_in(wanted: &[String], there: &[String]) -> Vec<String> {
    wanted.iter().filter(|item| !there.contains(item)).cloned().collect()
}

/// The items of `there` that are among `named`, in their order.
pub(super) fn both(there: &[String], named: &[String]) -> Vec<String> {
    there.iter().filter(|item| named.contains(item)).cloned().collect()
}

fn too_many(path: &str, what: &str, list: &[String], max: usize) -> Option<String> {
    let first = list.get(max)?;
    Some(format!(
        "\n{path}: \"{first}\" would be {what} {} of {max} of the service's PrivateLink (it would have {}).",
        max + 1,
        list.len()
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::provider::aiven::samples::{link, names, params};

    fn arns(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|i| format!("arn:aws:iam::111122223333:role/r{i}")).collect()
    }

    #[test]
    fn a_new_service_gets_everything_but_its_own_region() {
        let mut params = params(&["kafka"]);
        params.supported_regions = names(&["eu-west-1", "us-east-1"]);
        let delta = Delta::of(&params, None, "eu-west-1");
        let lists = delta.applied_to(None, "eu-west-1").unwrap();
        assert_eq!(lists.principals, params.principals);
        assert_eq!(lists.supported_regions, Some(names(&["us-east-1"])));
    }

    #[test]
    fn the_own_region_alone_is_no_reason_to_send_regions() {
        let delta = Delta::of(&params(&["kafka"]), None, "eu-west-1");
        assert_eq!(delta.applied_to(None, "eu-west-1").unwrap().supported_regions, None);
    }

    #[test]
    fn others_entries_stay() {
        let mut params = params(&["kafka"]);
        params.supported_regions = names(&["us-east-1", "us-east-2"]);
        let link = link(&["arn:aws:iam::444455556666:root"], Some(&["eu-west-1", "us-east-1"]));
        let delta = Delta::of(&params, Some(&link), "eu-west-1");
        assert_eq!(delta.regions, names(&["us-east-2"]));
        let lists = delta.applied_to(Some(&link), "eu-west-1").unwrap();
        assert_eq!(
            lists.principals,
            names(&["arn:aws:iam::444455556666:root", "arn:aws:iam::111122223333:root"])
        );
        assert_eq!(lists.supported_regions, Some(names(&["us-east-1", "us-east-2"])));
    }

    #[test]
    fn nothing_is_missing_the_second_time() {
        let params = params(&["kafka"]);
        let link = link(&["arn:aws:iam::111122223333:root"], Some(&[]));
        assert!(Delta::of(&params, Some(&link), "eu-west-1").is_empty());
    }

    #[test]
    fn regions_that_are_not_shown_go_along_but_cause_no_change() {
        let mut params = params(&["kafka"]);
        params.supported_regions = names(&["us-east-1"]);
        let complete = link(&["arn:aws:iam::111122223333:root"], None);
        assert!(Delta::of(&params, Some(&complete), "eu-west-1").is_empty());
        let incomplete = link(&["arn:aws:iam::444455556666:root"], None);
        assert_eq!(
            Delta::of(&params, Some(&incomplete), "eu-west-1").regions,
            names(&["us-east-1"])
        );
    }

    #[test]
    fn what_is_to_be_removed_goes_by_the_same_body_and_only_if_it_is_there() {
        let mut params = params(&["kafka"]);
        params.supported_regions = names(&["us-east-1"]);
        params.remove_principals = names(&["arn:aws:iam::444455556666:root", "arn:aws:iam::555555555555:root"]);
        // The service's own region is no entry, even where the API lists it.
        params.remove_supported_regions = names(&["eu-west-2", "ap-south-1", "eu-west-1"]);
        let before = link(
            &["arn:aws:iam::444455556666:root", "arn:aws:iam::123456789012:root"],
            Some(&["eu-west-1", "eu-west-2", "us-west-2"]),
        );
        let lists = Delta::of(&params, Some(&before), "eu-west-1")
            .applied_to(Some(&before), "eu-west-1")
            .unwrap();
        assert_eq!(
            lists,
            Lists {
                principals: names(&["arn:aws:iam::123456789012:root", "arn:aws:iam::111122223333:root"]),
                supported_regions: Some(names(&["us-west-2", "us-east-1"])),
            }
        );
        let after = PrivateLink {
            principals: lists.principals,
            supported_regions: lists.supported_regions,
            ..before
        };
        assert!(Delta::of(&params, Some(&after), "eu-west-1").is_empty());
        // A new service has nothing to remove, and one whose regions do not show nothing that could be.
        assert!(Delta::of(&params, None, "eu-west-1").remove_principals.is_empty());
        let hidden = link(&["arn:aws:iam::111122223333:root"], None);
        assert!(Delta::of(&params, Some(&hidden), "eu-west-1").is_empty());
    }

    #[test]
    fn the_limit_counts_after_removal() {
        let link = PrivateLink {
            principals: arns(0..16),
            ..link(&[], None)
        };
        let mut params = params(&["kafka"]);
        params.remove_principals = arns(3..4);
        let delta = Delta::of(&params, Some(&link), "eu-west-1");
        let lists = delta.applied_to(Some(&link), "eu-west-1").unwrap();
        assert_eq!(lists.principals.len(), 16);
        assert_eq!(
            counts(Some(&link), Some(&lists), "eu-west-1"),
            ["principals: 16 of 16 after this run"]
        );
    }

    #[test]
    fn each_full_list_is_a_line() {
        let mut params = params(&["kafka"]);
        params.principals = arns(0..17);
        params.supported_regions = (0..17).map(|n| format!("us-east-{n}")).collect();
        let error = Delta::of(&params, None, "eu-west-1")
            .applied_to(None, "eu-west-1")
            .unwrap_err();
        let lines: Vec<&str> = error.message.lines().skip(1).collect();
        assert!(lines[0].starts_with("/provider/principals: "), "{error}");
        assert!(lines[1].starts_with("/provider/supported_regions: "), "{error}");
    }

    #[test]
    fn the_seventeenth_principal_is_named() {
        let link = PrivateLink {
            principals: arns(0..15),
            ..link(&[], None)
        };
        let mut params = params(&["kafka"]);
        params.principals = arns(15..16);
        let fits = Delta::of(&params, Some(&link), "eu-west-1");
        assert_eq!(fits.applied_to(Some(&link), "eu-west-1").unwrap().principals.len(), 16);

        params.principals = arns(14..18);
        let error = Delta::of(&params, Some(&link), "eu-west-1")
            .applied_to(Some(&link), "eu-west-1")
            .unwrap_err();
        assert_eq!(error.name, ErrorName::LimitExceeded);
        assert!(
            error.message.contains("role/r16\" would be principal 17 of 16") && error.message.contains("would have 18"),
            "{}",
            error.message
        );
    }
}

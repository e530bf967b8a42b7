//! What goes at a release, and what stays on purpose: from what was seen, so that a plan and a look decide the same.

use super::checks::region_of_service_name;
use super::lists::{both, not_in};
use super::release::Seen;
use super::wire::{Lists, PrivateLink, Service};
use crate::provider::Release;
use crate::request;

/// The switches of the components.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Switches {
    pub(super) turn_off: Vec<String>,
    pub(super) left: Vec<String>,
}

impl Switches {
    /// The release is about switches.
    pub(super) fn are_in(release: &Release) -> bool {
        !release.remove.components.is_empty() || !release.remove_if_alone.components.is_empty()
    }

    pub(super) fn of(params: &request::Aiven, release: &Release, seen: &Seen, service: &Service) -> Self {
        let others = &seen.others;
        let mut users = seen.link.as_ref().map_or_else(Vec::new, |link| foreign(release, link));
        users.extend(others.iter().cloned());
        let mut decision = Self {
            turn_off: Vec::new(),
            left: Vec::new(),
        };
        for component in merged(&release.remove.components, &release.remove_if_alone.components) {
            if !service.has_enabled(&component) {
                continue;
            }
            let why = if !others.is_empty() {
                format!("other endpoints are connected and may use it ({})", others.join(", "))
            } else if !release.remove.components.contains(&component) && !users.is_empty() {
                format!("others may use it ({})", users.join(", "))
            } else {
                decision.turn_off.push(component);
                continue;
            };
            decision.left.push(format!(
                "PrivateLink access to {component} stays enabled, as {why}; switch it off by `avn service update -c \
                 privatelink_access.{component}=false --project {} {}`",
                params.project, params.service_name
            ));
        }
        decision
    }
}

/// What happens to the PrivateLink service.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    Delete,
    Replace(Lists),
}

/// The PrivateLink service and its lists.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ListsLeft {
    pub(super) fate: Fate,
    pub(super) left: Vec<String>,
}

impl ListsLeft {
    /// The release is about the PrivateLink service.
    pub(super) fn are_in(release: &Release) -> bool {
        release.delete_service
            || [&release.remove, &release.remove_if_alone]
                .iter()
                .any(|entries| !entries.principals.is_empty() || !entries.regions.is_empty())
    }

    /// `others`: the endpoints of other connections.
    pub(super) fn of(params: &request::Aiven, release: &Release, link: &PrivateLink, others: &[String]) -> Self {
        let users = [foreign(release, link).as_slice(), others].concat();
        let alone = users.is_empty();
        let mut decision = Self {
            fate: Fate::Keep,
            left: Vec::new(),
        };
        if release.delete_service && alone {
            decision.fate = Fate::Delete;
            return decision;
        }
        let users = users.join(", ");
        let service = format!("--project {} {}", params.project, params.service_name);
        if release.delete_service {
            decision.left.push(format!(
                "the PrivateLink service stays, as others use it or may ({users}); delete it by `avn service privatelink aws delete \
                 {service}` when they need it no more"
            ));
        }
        let principals = decision.principals(release, link, others, &users, &service);
        let regions = decision.regions(params, release, link, others, &users);
        if principals.len() < link.principals.len() || regions.is_some() {
            decision.fate = Fate::Replace(Lists {
                principals,
                supported_regions: regions,
            });
        }
        decision
    }

    /// The principals that stay.
    fn principals(
        &mut self,
        release: &Release,
        link: &PrivateLink,
        others: &[String],
        users: &str,
        service: &str,
    ) -> Vec<String> {
        let (remove, if_alone) = (&release.remove.principals, &release.remove_if_alone.principals);
        let mut rest = not_in(&link.principals, remove);
        if users.is_empty() {
            rest = not_in(&rest, if_alone);
        } else {
            let kept = both(&rest, if_alone);
            if !kept.is_empty() {
                self.left.push(format!(
                    "the principals {} stay allowed, as others use the service or may ({users}); take them out by \
                     `remove_principals` of a later request when nobody needs them",
                    kept.join(", ")
                ));
            }
        }
        if rest.is_empty() && !link.principals.is_empty() {
            rest.clone_from(&link.principals);
            let why = if others.is_empty() {
                "as Aiven demands at least one".to_owned()
            } else {
                format!("as other endpoints are connected by them ({})", others.join(", "))
            };
            self.left.push(format!(
                "the principals {} stay allowed, {why}; put another in their place by `avn service privatelink aws update --principal \
                 ARN {service}`, or deprovision with `delete_service` to have the PrivateLink service deleted",
                rest.join(", ")
            ));
        }
        rest
    }

    /// The regions that stay, if that is a change: none goes from which somebody may be connected.
    fn regions(
        &mut self,
        params: &request::Aiven,
        release: &Release,
        link: &PrivateLink,
        others: &[String],
        users: &str,
    ) -> Option<Vec<String>> {
        let mut named = merged(&release.remove.regions, &release.remove_if_alone.regions);
        // The service's own is always included, and so no entry.
        let own = link.aws_service_name.as_deref().map(region_of_service_name);
        named.retain(|region| !matches!(&own, Some(Ok(own)) if own == region));
        let mut stays = |regions: &[String], why: &str| {
            if !regions.is_empty() {
                self.left.push(format!(
                    "the regions {} stay supported, as {why}; change the list of {}/{} in Aiven",
                    regions.join(", "),
                    params.project,
                    params.service_name
                ));
            }
        };
        let Some(there) = &link.supported_regions else {
            stays(
                &named,
                "Aiven does not show the list, so that it cannot be changed without losing others' entries",
            );
            return None;
        };
        let present = both(there, &named);
        let (go, kept): (Vec<String>, Vec<String>) = present
            .into_iter()
            .partition(|region| users.is_empty() || (others.is_empty() && release.remove.regions.contains(region)));
        stays(&kept, &format!("others are connected and may be there ({users})"));
        (!go.is_empty()).then(|| not_in(there, &go))
    }
}

/// The principals of whom the release says nothing: somebody else's.
fn foreign(release: &Release, link: &PrivateLink) -> Vec<String> {
    let known = merged(&release.remove.principals, &release.remove_if_alone.principals);
    not_in(&link.principals, &known)
}

/// Both lists, each item once.
fn merged(a: &[String], b: &[String]) -> Vec<String> {
    let mut all = a.to_vec();
    all.extend(not_in(b, a));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Additions;
    use crate::provider::aiven::samples::{kafka, link, names, params};

    const OURS: &str = "arn:aws:iam::111122223333:root";
    const ROLE: &str = "arn:aws:iam::111122223333:role/clients";
    const THEIRS: &str = "arn:aws:iam::444455556666:root";

    fn entries(principals: &[&str]) -> Additions {
        Additions {
            principals: names(principals),
            regions: names(&["us-east-1"]),
            components: names(&["kafka"]),
            ..Additions::default()
        }
    }

    /// Entries of ours alone.
    fn ours(delete_service: bool) -> Release {
        Release {
            delete_service,
            remove: entries(&[OURS]),
            ..Release::default()
        }
    }

    /// Entries that another connection of ours may need as well.
    fn shared(delete_service: bool) -> Release {
        Release {
            delete_service,
            remove_if_alone: entries(&[OURS]),
            ..Release::default()
        }
    }

    fn decide(release: &Release, link: &PrivateLink, others: &[&str]) -> ListsLeft {
        ListsLeft::of(&params(&["kafka"]), release, link, &names(others))
    }

    fn switches(release: &Release, link: Option<PrivateLink>, others: &[&str]) -> Switches {
        let seen = Seen {
            link,
            others: names(others),
        };
        Switches::of(&params(&["kafka"]), release, &seen, &kafka())
    }

    #[test]
    fn a_service_of_ours_alone_goes_whole_where_that_is_allowed() {
        let link = link(&[OURS], Some(&["us-east-1"]));
        for release in [ours(true), shared(true)] {
            let decision = decide(&release, &link, &[]);
            assert_eq!(decision.fate, Fate::Delete);
            assert!(decision.left.is_empty());
        }
    }

    #[test]
    fn alone_without_permission_to_delete_only_the_last_principals_stay() {
        for release in [ours(false), shared(false)] {
            let decision = decide(&release, &link(&[OURS], Some(&["us-east-1", "eu-west-2"])), &[]);
            let lists = Lists {
                principals: names(&[OURS]),
                supported_regions: Some(names(&["eu-west-2"])),
            };
            assert_eq!(decision.fate, Fate::Replace(lists));
            assert_eq!(decision.left.len(), 1, "{:?}", decision.left);
            assert!(decision.left[0].contains("as Aiven demands at least one"));
            assert!(decision.left[0].contains("delete_service"));
        }
    }

    #[test]
    fn a_service_that_others_may_use_stays_without_us() {
        let decision = decide(
            &ours(true),
            &link(&[THEIRS, OURS], Some(&["eu-west-2", "us-east-1"])),
            &[],
        );
        let lists = Lists {
            principals: names(&[THEIRS]),
            supported_regions: Some(names(&["eu-west-2"])),
        };
        assert_eq!(decision.fate, Fate::Replace(lists));
        assert_eq!(decision.left.len(), 1);
        assert!(decision.left[0].contains("the PrivateLink service stays") && decision.left[0].contains(THEIRS));
    }

    #[test]
    fn what_others_may_need_stays_and_each_list_is_told_once() {
        let mut release = shared(false);
        release.remove.principals = names(&[ROLE]);
        for (principals, others) in [(&[THEIRS, ROLE, OURS][..], &[][..]), (&[ROLE, OURS], &["vpce-2"])] {
            let decision = decide(&release, &link(principals, Some(&["us-east-1"])), others);
            let lists = Lists {
                principals: names(principals).into_iter().filter(|p| p != ROLE).collect(),
                supported_regions: None,
            };
            assert_eq!(decision.fate, Fate::Replace(lists));
            assert_eq!(decision.left.len(), 2, "{:?}", decision.left);
            assert!(decision.left[0].contains(OURS) && decision.left[1].contains("us-east-1"));
        }
    }

    #[test]
    fn what_other_connections_may_use_stays() {
        let link = link(&[THEIRS, OURS], Some(&["us-east-1"]));
        let decision = decide(&ours(false), &link, &["vpce-2"]);
        let lists = Lists {
            principals: names(&[THEIRS]),
            supported_regions: None,
        };
        assert_eq!(decision.fate, Fate::Replace(lists));
        assert_eq!(decision.left.len(), 1);
        assert!(decision.left[0].contains("us-east-1"), "{}", decision.left[0]);
    }

    #[test]
    fn an_endpoint_that_came_with_our_principals_keeps_the_service_as_it_is() {
        let decision = decide(&ours(true), &link(&[OURS], Some(&["us-east-1"])), &["vpce-2"]);
        assert_eq!(decision.fate, Fate::Keep);
        assert_eq!(decision.left.len(), 3, "{:?}", decision.left);
        assert!(decision.left.iter().all(|sentence| sentence.contains("(vpce-2)")));
    }

    #[test]
    fn regions_that_are_not_shown_are_not_touched_and_the_own_one_is_none() {
        let mut release = ours(false);
        let decision = decide(&release, &link(&[THEIRS], None), &[]);
        assert_eq!(decision.fate, Fate::Keep);
        assert!(decision.left[0].contains("does not show"));
        release.remove.regions = names(&["eu-west-1"]);
        for regions in [None, Some(&["eu-west-1"][..])] {
            let decision = decide(&release, &link(&[THEIRS], regions), &[]);
            assert_eq!((decision.fate, decision.left), (Fate::Keep, Vec::new()));
        }
    }

    #[test]
    fn what_is_gone_already_is_done() {
        let decision = decide(&ours(false), &link(&[THEIRS], Some(&["eu-west-2"])), &["vpce-2"]);
        assert_eq!((decision.fate, decision.left), (Fate::Keep, Vec::new()));
    }

    #[test]
    fn switches_are_turned_off_when_nobody_else_is_connected() {
        let kept = switches(&ours(false), None, &["vpce-2"]);
        assert!(kept.turn_off.is_empty());
        assert!(kept.left[0].contains("privatelink_access.kafka=false") && kept.left[0].contains("vpce-2"));
        for link in [None, Some(link(&[OURS, THEIRS], None))] {
            assert_eq!(switches(&ours(false), link, &[]).turn_off, ["kafka"]);
        }
        // Those that others may need, only when nobody else may connect.
        assert_eq!(
            switches(&shared(false), Some(link(&[OURS], None)), &[]).turn_off,
            ["kafka"]
        );
        let kept = switches(&shared(false), Some(link(&[OURS, THEIRS], None)), &[]);
        assert!(kept.turn_off.is_empty() && kept.left[0].contains(THEIRS));
        // What is off is done.
        let mut release = ours(false);
        release.remove.components = names(&["schema_registry"]);
        let done = switches(&release, None, &["vpce-2"]);
        assert_eq!((done.turn_off, done.left), (Vec::new(), Vec::new()));
    }
}

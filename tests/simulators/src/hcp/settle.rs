//! What time does: changes of links that come due, and clusters that go.

use std::time::Duration;

use super::world::{LinkState, Network, Outcome, PrivateLink, World};
use crate::fabric::Fabric;

impl World {
    /// Applies what time has done since the last look.
    pub(super) fn settle(&mut self, fabric: &Fabric) {
        let now = fabric.clock.now();
        for project in self.projects.values_mut() {
            let networks = &project.networks;
            project
                .links
                .retain(|_, link| link.settle(networks.get(&link.hvn_id), fabric, now));
            project
                .clusters
                .retain(|_, cluster| cluster.gone_at.is_none_or(|gone| now < gone));
        }
    }
}

impl PrivateLink {
    /// False when the link is gone.
    fn settle(&mut self, network: Option<&Network>, fabric: &Fabric, now: Duration) -> bool {
        if let Some(change) = &self.change {
            if self.state == LinkState::Available && now >= change.starts_at {
                self.state = LinkState::Updating;
            }
            if now >= change.ends_at {
                self.updated_at = change.ends_at;
                let outcome = change.outcome.clone();
                self.change = None;
                match outcome {
                    Outcome::Gone => return false,
                    Outcome::Failed => self.fail(fabric),
                    Outcome::Available => self.become_available(network, fabric),
                    Outcome::Updated {
                        accounts,
                        ip_ranges,
                        regions,
                    } => {
                        self.consumer_accounts = accounts;
                        self.consumer_ip_ranges = ip_ranges;
                        self.consumer_regions = regions;
                        self.become_available(network, fabric);
                    }
                }
            }
        }
        if self.state == LinkState::Available && self.service_id.is_none() {
            self.become_available(network, fabric);
        }
        true
    }

    /// A creation that fails leaves no endpoint service; a failed update or deletion leaves what there was.
    fn fail(&mut self, fabric: &Fabric) {
        if self.state == LinkState::Creating
            && let Some(service_id) = self.service_id.take()
        {
            fabric.withdraw_service(&service_id);
            self.external_name.clear();
        }
        self.state = LinkState::Failed;
    }

    fn become_available(&mut self, network: Option<&Network>, fabric: &Fabric) {
        self.state = LinkState::Available;
        if let Some(network) = network {
            self.offer(network, self.consumer_accounts.iter().cloned().collect(), fabric);
        }
    }
}

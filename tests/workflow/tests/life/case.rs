//! A starting situation, and what is expected of it.

use serde_json::Value;

use crate::scene::{REGION, Scene, Vendor};

/// What makes the situation, one after the other.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    /// An earlier run of the scene's request has connected.
    Provisioned,
    /// An earlier run of a request that differs so has connected.
    ProvisionedWith(fn(&Scene<'_>, &mut Value)),
    /// Something that somebody did in the clouds.
    Deed(fn(&Scene<'_>)),
    /// The VPC has a private zone of the host that somebody else made.
    ForeignZone,
    /// Our zone and its record are gone.
    ZoneGone,
    /// Our record points to something else.
    RecordElsewhere,
    /// Somebody put another record into our zone.
    ExtraRecord,
}

/// How a provision ends.
#[derive(Clone, Copy)]
pub(crate) enum Ends {
    Connected,
    /// With this error, and these words in its message.
    Fails(&'static str, &'static [&'static str]),
}

/// One row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) vendor: Vendor,
    /// The vendor's region.
    pub(crate) region: &'static str,
    pub(crate) arrange: &'static [Step],
    /// How the request differs from the scene's.
    pub(crate) request: fn(&Scene<'_>, &mut Value),
    /// The writes of a provision, sorted.
    pub(crate) writes: &'static [&'static str],
    pub(crate) ends: Ends,
    /// What of ours a deprovision leaves on purpose.
    pub(crate) leaves: &'static [&'static str],
    /// The same of one from the situation itself, where it differs.
    pub(crate) leaves_at_once: Option<&'static [&'static str]>,
    /// What of others goes, as the request says so: by name, or "endpoint" for the one that is adopted.
    pub(crate) takes: &'static [&'static str],
}

impl Case {
    /// A situation with nothing in it, from which a connection comes and goes without a trace.
    pub(crate) const fn new(vendor: Vendor, name: &'static str) -> Self {
        Self {
            name,
            vendor,
            region: REGION,
            arrange: &[],
            request: |_, _| {},
            writes: &[],
            ends: Ends::Connected,
            leaves: &[],
            leaves_at_once: None,
            takes: &[],
        }
    }

    pub(crate) const fn arrange(mut self, steps: &'static [Step]) -> Self {
        self.arrange = steps;
        self
    }

    pub(crate) const fn request(mut self, change: fn(&Scene<'_>, &mut Value)) -> Self {
        self.request = change;
        self
    }

    pub(crate) const fn writes(mut self, writes: &'static [&'static str]) -> Self {
        self.writes = writes;
        self
    }

    pub(crate) const fn fails(mut self, error: &'static str, words: &'static [&'static str]) -> Self {
        self.ends = Ends::Fails(error, words);
        self
    }

    pub(crate) const fn leaves(mut self, own: &'static [&'static str]) -> Self {
        self.leaves = own;
        self
    }

    pub(crate) const fn leaves_at_once(mut self, own: &'static [&'static str]) -> Self {
        self.leaves_at_once = Some(own);
        self
    }

    pub(crate) const fn takes(mut self, others: &'static [&'static str]) -> Self {
        self.takes = others;
        self
    }

    pub(crate) const fn of_vendor_region(mut self, region: &'static str) -> Self {
        self.region = region;
        self
    }
}

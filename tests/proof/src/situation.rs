//! What is there before a life begins.

/// The workflow's own account.
pub(crate) const ACCOUNT: &str = "111122223333";
/// Its principal in the vendors' lists.
pub(crate) const OWN: &str = "arn:aws:iam::111122223333:root";
/// An account in which the workflow acts by a role.
const SECOND: &str = "555555555555";

/// What is there before the life begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Situation {
    /// The Aiven service has no PrivateLink.
    AivenNew,
    /// The Aiven service's PrivateLink serves another consumer, who is connected.
    AivenShared,
    /// The Vault cluster has no PrivateLink service.
    HcpNew,
    /// The Vault cluster's PrivateLink service serves another consumer.
    HcpShared,
    /// As shared, and every endpoint is rejected: the run takes back what it made.
    AivenRejected,
    /// The same at HCP.
    HcpRejected,
    /// As shared, and the VPC is in another account than the workflow.
    AivenAccount,
    /// The same at HCP.
    HcpAccount,
}

impl Situation {
    pub const ALL: [Self; 8] = [
        Self::AivenNew,
        Self::AivenShared,
        Self::HcpNew,
        Self::HcpShared,
        Self::AivenRejected,
        Self::HcpRejected,
        Self::AivenAccount,
        Self::HcpAccount,
    ];

    /// As in the names of trials.
    pub fn name(self) -> &'static str {
        match self {
            Self::AivenNew => "aiven-new",
            Self::AivenShared => "aiven-shared",
            Self::HcpNew => "hcp-new",
            Self::HcpShared => "hcp-shared",
            Self::AivenRejected => "aiven-rejected",
            Self::HcpRejected => "hcp-rejected",
            Self::AivenAccount => "aiven-account",
            Self::HcpAccount => "hcp-account",
        }
    }

    /// A provision cannot succeed.
    pub fn is_rejected(self) -> bool {
        matches!(self, Self::AivenRejected | Self::HcpRejected)
    }

    pub(crate) fn is_aiven(self) -> bool {
        matches!(
            self,
            Self::AivenNew | Self::AivenShared | Self::AivenRejected | Self::AivenAccount
        )
    }

    /// The consumer's account.
    pub(crate) fn account(self) -> &'static str {
        match self {
            Self::AivenAccount | Self::HcpAccount => SECOND,
            _ => ACCOUNT,
        }
    }

    /// Another consumer uses the service.
    pub(crate) fn is_shared(self) -> bool {
        !matches!(self, Self::AivenNew | Self::HcpNew)
    }
}

//! Errors are a contract: the name says what the workflow does, the message says what happened and what to do about it.

use std::fmt;
use std::time::Duration;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the workflow does about an error. [`ErrorName::as_str`] is the `errorType` that the state machine sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorName {
    /// A remote asks for fewer calls. Retried with patience.
    Throttled,
    /// A remote is out of reach or broken for now. Retried with patience.
    Unavailable,
    /// The request, or what it names, is wrong. The requester acts.
    InvalidRequest,
    /// A quota or a documented limit is reached. Whoever owns the limit acts.
    LimitExceeded,
    /// A credential or a role is missing rights. Whoever owns the secret or the role acts.
    Denied,
    /// A remote refused or gave up on the connection. The requester talks to the vendor.
    Rejected,
    /// A phase used up its budget. The requester looks at the last state seen.
    TimedOut,
    /// An answer that is in no contract. The maintainers of this workflow act.
    Unexpected,
}

impl ErrorName {
    /// Every name, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Throttled,
        Self::Unavailable,
        Self::InvalidRequest,
        Self::LimitExceeded,
        Self::Denied,
        Self::Rejected,
        Self::TimedOut,
        Self::Unexpected,
    ];

    /// The name in the state machine's `Retry` and `Catch`, and in an execution's `error`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "Throttled",
            Self::Unavailable => "Unavailable",
            Self::InvalidRequest => "InvalidRequest",
            Self::LimitExceeded => "LimitExceeded",
            Self::Denied => "Denied",
            Self::Rejected => "Rejected",
            Self::TimedOut => "TimedOut",
            Self::Unexpected => "Unexpected",
        }
    }

    /// Whether the state machine tries the same step again.
    pub const fn is_retried(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable)
    }

    /// Who acts, in one sentence; the README's table is checked against this.
    pub const fn who_acts(self) -> &'static str {
        match self {
            Self::Throttled => {
                "Nobody at first: it is retried. If it ends a run, start fewer at once or ask for a higher limit."
            }
            Self::Unavailable => {
                "Nobody at first: it is retried. If it ends a run, look at the vendor's or AWS's status page and start again."
            }
            Self::InvalidRequest => "The requester: correct the request, or the resource it names, and start again.",
            Self::LimitExceeded => {
                "The owner of the limit: remove something that is not needed, or have the limit raised."
            }
            Self::Denied => "The owner of the secret or role: the message names the call that was refused.",
            Self::Rejected => "The requester with the vendor: the message carries the remote's own reason.",
            Self::TimedOut => {
                "The requester: the message says the last state seen; start again, or raise the phase's budget."
            }
            Self::Unexpected => {
                "The maintainers of this workflow: the message carries the raw value that no contract knows."
            }
        }
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A named error. Its text is for a person at 3 a.m. and never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What the workflow does about it.
    pub name: ErrorName,
    /// What failed, where, and why as far as known.
    pub message: String,
    /// The remote's own "try again in", which wins over every schedule.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// An error with its message: one or more sentences that end with what to do.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
            retry_after: None,
        }
    }

    /// [`ErrorName::InvalidRequest`] at a JSON pointer into the request.
    pub fn invalid_at(path: &str, message: impl fmt::Display) -> Self {
        Self::new(ErrorName::InvalidRequest, format!("{path}: {message}"))
    }

    /// [`ErrorName::Unexpected`]: an answer, state or field that is in no contract.
    pub fn unexpected(message: impl Into<String>) -> Self {
        Self::new(ErrorName::Unexpected, message)
    }

    /// Adds the remote's own wait.
    #[must_use]
    pub fn after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }

    /// Puts what was being done before the message: "creating the endpoint: …".
    #[must_use]
    pub fn while_doing(mut self, doing: &str) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.message)
    }
}

impl std::error::Error for Error {}

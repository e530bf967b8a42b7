//! What must show nowhere.

use crate::{aiven, hcp};

/// The secrets of the simulated worlds: in full, or the part that all of a kind have.
pub const SECRETS: [&str; 4] = [
    aiven::TOKEN,
    aiven::SECRET_MARKER,
    hcp::CLIENT_SECRET,
    hcp::ACCESS_TOKEN_MARKER,
];

/// Parts of headers that carry a secret to a vendor.
pub const VENDOR_HEADERS: [&str; 2] = ["aivenv1 ", "Bearer "];

/// Parts of headers, and of their names, that carry a signature or a credential to AWS.
pub const AWS_HEADERS: [&str; 4] = ["AWS4-HMAC-SHA256", "Signature=", "-security-token", "Authorization="];

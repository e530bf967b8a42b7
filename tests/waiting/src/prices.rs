//! What AWS charges, in one table: `prices.json`.

use serde::Deserialize;

use crate::Result;
use crate::assumed::{LONG_POLL_SECONDS, POLLERS};

const MONTH_SECONDS: f64 = 30.0 * 24.0 * 60.0 * 60.0;

/// The table.
#[derive(Debug, Clone, Deserialize)]
pub struct Prices {
    /// Month and year.
    pub as_of: String,
    pub region: String,
    pub prices: Vec<Price>,
}

/// One row: so many dollars per so many units.
#[derive(Debug, Clone, Deserialize)]
pub struct Price {
    pub name: String,
    /// In us-east-1, without free tiers and discounts.
    pub usd: f64,
    #[serde(default)]
    pub eu_west_1_usd: Option<f64>,
    pub per: f64,
    pub unit: String,
    pub source: String,
}

/// What was used, in the units of the table.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    pub transitions: f64,
    pub express_requests: f64,
    pub express_gb_seconds: f64,
    pub lambda_requests: f64,
    pub lambda_gb_seconds: f64,
    pub dynamodb_writes: f64,
    pub dynamodb_reads: f64,
    pub secret_calls: f64,
    pub log_gb: f64,
    pub events: f64,
    pub traces: f64,
    pub sqs_requests: f64,
    pub sns_deliveries: f64,
    pub codebuild_minutes: f64,
}

impl Usage {
    /// Of nothing.
    pub const NOTHING: Self = Self {
        transitions: 0.0,
        express_requests: 0.0,
        express_gb_seconds: 0.0,
        lambda_requests: 0.0,
        lambda_gb_seconds: 0.0,
        dynamodb_writes: 0.0,
        dynamodb_reads: 0.0,
        secret_calls: 0.0,
        log_gb: 0.0,
        events: 0.0,
        traces: 0.0,
        sqs_requests: 0.0,
        sns_deliveries: 0.0,
        codebuild_minutes: 0.0,
    };

    /// Each kind by its name in the table.
    pub fn by_name(&self) -> [(&'static str, f64); 14] {
        [
            ("step_functions_transition", self.transitions),
            ("express_request", self.express_requests),
            ("express_gb_second", self.express_gb_seconds),
            ("lambda_request", self.lambda_requests),
            ("lambda_gb_second", self.lambda_gb_seconds),
            ("dynamodb_write_unit", self.dynamodb_writes),
            ("dynamodb_read_unit", self.dynamodb_reads),
            ("secrets_manager_call", self.secret_calls),
            ("logs_gb", self.log_gb),
            ("event", self.events),
            ("trace", self.traces),
            ("sqs_request", self.sqs_requests),
            ("sns_delivery", self.sns_deliveries),
            ("codebuild_minute", self.codebuild_minutes),
        ]
    }

    /// Both together.
    #[must_use]
    pub fn plus(mut self, other: &Self) -> Self {
        self.transitions += other.transitions;
        self.express_requests += other.express_requests;
        self.express_gb_seconds += other.express_gb_seconds;
        self.lambda_requests += other.lambda_requests;
        self.lambda_gb_seconds += other.lambda_gb_seconds;
        self.dynamodb_writes += other.dynamodb_writes;
        self.dynamodb_reads += other.dynamodb_reads;
        self.secret_calls += other.secret_calls;
        self.log_gb += other.log_gb;
        self.events += other.events;
        self.traces += other.traces;
        self.sqs_requests += other.sqs_requests;
        self.sns_deliveries += other.sns_deliveries;
        self.codebuild_minutes += other.codebuild_minutes;
        self
    }
}

impl Prices {
    /// The table of this repository.
    ///
    /// # Errors
    /// When it has not the shape.
    pub fn load() -> Result<Self> {
        Ok(serde_json::from_str(include_str!("../prices.json"))?)
    }

    /// Dollars for one unit.
    ///
    /// # Errors
    /// When the table has no such row.
    pub fn of_one(&self, name: &str) -> Result<f64> {
        let row = self.prices.iter().find(|price| price.name == name);
        let row = row.ok_or_else(|| format!("prices.json has no {name}"))?;
        Ok(row.usd / row.per)
    }

    /// Each kind that was used: name, amount, dollars.
    ///
    /// # Errors
    /// When the table lacks a row.
    pub fn bill(&self, usage: &Usage) -> Result<Vec<(&'static str, f64, f64)>> {
        let used = usage.by_name().into_iter().filter(|(_, amount)| *amount > 0.0);
        used.map(|(name, amount)| Ok((name, amount, amount * self.of_one(name)?)))
            .collect()
    }

    /// Dollars a month for Lambda's own looks into a queue in which nothing is.
    ///
    /// # Errors
    /// As [`Prices::of_one`].
    pub fn idle_queue_a_month(&self) -> Result<f64> {
        Ok(self.of_one("sqs_request")? * POLLERS * MONTH_SECONDS / LONG_POLL_SECONDS)
    }

    /// Dollars in all.
    ///
    /// # Errors
    /// As [`Prices::bill`].
    pub fn dollars(&self, usage: &Usage) -> Result<f64> {
        Ok(self.bill(usage)?.iter().map(|(_, _, dollars)| dollars).sum())
    }
}

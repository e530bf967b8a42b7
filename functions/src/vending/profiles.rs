//! Vending profiles in SSM Parameter Store: one parameter each, named by the last segment of its path.

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::Parameter;
use shared::profile::Profile;
use shared::settings::Settings;
use shared::{Error, Result, aws};

/// The vending profiles of this stack.
pub struct Profiles {
    client: Client,
    path: String,
    secret_name_prefix: String,
}

/// Every profile that is kept.
#[derive(Debug, Default)]
pub struct Kept {
    /// Name, profile and version of the parameter, by name.
    pub good: Vec<(String, Profile, u64)>,
    /// What is wrong with the others.
    pub broken: Vec<Error>,
}

impl Profiles {
    /// Profiles below the path of the settings.
    pub fn new(client: Client, settings: &Settings) -> Self {
        Self {
            client,
            path: settings.profile_path.clone(),
            secret_name_prefix: settings.secret_name_prefix.clone(),
        }
    }

    /// The profile of a name with the version of its parameter, if there is one.
    ///
    /// # Errors
    /// `InvalidRequest` with every violation of a profile that is wrong; otherwise as SSM answers.
    pub async fn get(&self, name: &str) -> Result<Option<(Profile, u64)>> {
        let id = format!("{}/{name}", self.path);
        let parameter = match self.client.get_parameter().name(&id).send().await {
            Ok(answer) => answer.parameter,
            Err(error) if aws::code(&error) == Some("ParameterNotFound") => None,
            Err(error) => return Err(aws::error(&error, &format!("reading the vending profile {id}"))),
        };
        let Some(parameter) = parameter else {
            return Ok(None);
        };
        let (_, profile, version) = self.parse(&parameter)?;
        Ok(Some((profile, version)))
    }

    /// Every profile that can be used, by name. One that is wrong is logged, and stands in nobody's way.
    ///
    /// # Errors
    /// As SSM answers.
    pub async fn all(&self) -> Result<Vec<(String, Profile, u64)>> {
        let kept = self.kept().await?;
        for error in kept.broken {
            tracing::error!(message = error.message, "a vending profile cannot be used");
        }
        Ok(kept.good)
    }

    /// Every profile, and what is wrong with those that cannot be used.
    ///
    /// # Errors
    /// As SSM answers.
    pub async fn kept(&self) -> Result<Kept> {
        let mut kept = Kept::default();
        let mut page = None;
        loop {
            let answer = self
                .client
                .get_parameters_by_path()
                .path(&self.path)
                .set_next_token(page)
                .send()
                .await
                .map_err(|error| aws::error(&error, &format!("reading the vending profiles below {}", self.path)))?;
            for parameter in answer.parameters() {
                match self.parse(parameter) {
                    Ok(profile) => kept.good.push(profile),
                    Err(error) => kept.broken.push(error),
                }
            }
            page = answer.next_token;
            if page.is_none() {
                kept.good.sort_by(|(one, ..), (other, ..)| one.cmp(other));
                return Ok(kept);
            }
        }
    }

    fn parse(&self, parameter: &Parameter) -> Result<(String, Profile, u64)> {
        let path = parameter.name().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let profile = Profile::parse(&name, parameter.value().unwrap_or_default(), &self.secret_name_prefix)?;
        Ok((name, profile, u64::try_from(parameter.version).unwrap_or_default()))
    }
}

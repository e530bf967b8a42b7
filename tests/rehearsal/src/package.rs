//! What `sam package` does: local artefacts go to S3, and the template names them there.
//!
//! The packaged template is JSON with the long forms of CloudFormation's functions: YAML readers disagree about what an
//! unquoted scalar is (`2012-10-17`, `on`, `0755`), and JSON leaves nothing to disagree about.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use serde_norway::Value as Yaml;

use crate::functions::Zips;
use crate::{Error, Result};

/// A template that is ready for CloudFormation, and what has to be in the bucket for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    pub template: Value,
    /// Key in the bucket to the local file.
    pub artefacts: BTreeMap<String, PathBuf>,
}

/// Packages a SAM template whose functions name their binary in their metadata.
///
/// # Errors
/// When the template can't be read or is no YAML, names a binary that is not in `zips`, or a definition that does not exist.
pub fn package(template: &Path, zips: &Zips, bucket: &str) -> Result<Package> {
    let what = format!("packaging {}", template.display());
    let failed = |why: &dyn std::fmt::Display| Error::new(&what, why);
    let text = fs::read_to_string(template).map_err(|error| failed(&error))?;
    let yaml: Yaml = serde_norway::from_str(&text).map_err(|error| failed(&error))?;
    let mut template_json = json_of(yaml).map_err(|why| failed(&why))?;
    let dir = template.parent().unwrap_or(Path::new("."));

    let mut artefacts = BTreeMap::new();
    let resources = template_json["Resources"]
        .as_object_mut()
        .ok_or_else(|| failed(&"it has no Resources"))?;
    for (id, resource) in resources {
        let replaced = match resource["Type"].as_str() {
            Some("AWS::Serverless::Function") => function(id, resource, zips),
            Some("AWS::Serverless::StateMachine") => state_machine(id, resource, dir),
            _ => continue,
        };
        let Some((property, path)) = replaced.map_err(|why| failed(&why))? else {
            continue;
        };
        let key = key(&path).map_err(|why| failed(&why))?;
        resource["Properties"][property] = match property {
            "DefinitionUri" => json!({ "Bucket": bucket, "Key": key }),
            _ => json!(format!("s3://{bucket}/{key}")),
        };
        artefacts.insert(key, path);
    }
    Ok(Package {
        template: template_json,
        artefacts,
    })
}

type Local = Option<(&'static str, PathBuf)>;

fn function(id: &str, resource: &Value, zips: &Zips) -> Result<Local, String> {
    let properties = &resource["Properties"];
    if properties.get("InlineCode").is_some() {
        return Ok(None);
    }
    let binary = resource["Metadata"]["BuildProperties"]["Binary"].as_str();
    let binary = binary.ok_or_else(|| format!("{id} has no Metadata.BuildProperties.Binary"))?;
    let zip = zips.get(binary).ok_or_else(|| {
        let known: Vec<&str> = zips.keys().map(String::as_str).collect();
        format!(
            "{id} wants the binary {binary}, and cargo built only these: {}",
            known.join(", ")
        )
    })?;
    Ok(Some(("CodeUri", zip.clone())))
}

fn state_machine(id: &str, resource: &Value, dir: &Path) -> Result<Local, String> {
    let Some(uri) = resource["Properties"]["DefinitionUri"].as_str() else {
        return Ok(None);
    };
    let path = dir.join(uri);
    let text = fs::read_to_string(&path).map_err(|error| format!("{id}: {}: {error}", path.display()))?;
    // The emulator would take anything.
    serde_json::from_str::<Value>(&text).map_err(|error| format!("{id}: {} is not JSON: {error}", path.display()))?;
    Ok(Some(("DefinitionUri", path)))
}

fn key(path: &Path) -> Result<String, String> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| format!("{} has no usable name", path.display()))
}

/// JSON of a CloudFormation template in YAML, with the short forms of its functions (`!Sub x`) made long (`{"Fn::Sub": x}`).
fn json_of(yaml: Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => flag.into(),
        Yaml::String(text) => text.into(),
        Yaml::Number(number) => serde_json::to_value(number).map_err(|error| error.to_string())?,
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(json_of).collect::<Result<_, _>>()?),
        Yaml::Mapping(entries) => {
            let mut object = Map::new();
            for (name, value) in entries {
                let name = match name {
                    Yaml::String(name) => name,
                    // Account ids and the like, unquoted as a mapping's key.
                    Yaml::Number(number) => number.to_string(),
                    other => return Err(format!("{other:?} is no name")),
                };
                object.insert(name, json_of(value)?);
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let value = json_of(tagged.value)?;
            match tag.trim_start_matches('!') {
                name @ ("Ref" | "Condition") => json!({ name: value }),
                "GetAtt" => json!({ "Fn::GetAtt": attribute(value) }),
                name => json!({ format!("Fn::{name}"): value }),
            }
        }
    })
}

/// `!GetAtt Resource.Some.Attribute` is `["Resource", "Some.Attribute"]`.
fn attribute(value: Value) -> Value {
    match value.as_str().and_then(|text| text.split_once('.')) {
        Some((resource, attribute)) => json!([resource, attribute]),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn converted(text: &str) -> Value {
        json_of(serde_norway::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn short_forms_become_long_ones() {
        let json = converted(
            "a: !Sub '${X}-b'\nb: !GetAtt Role.Arn\nc: !If [Cond, !Ref P, !Ref AWS::NoValue]\nd: !Condition C\ne: !Sub\n  - '${x}'\n  - x: !GetAtt [A, B]\n",
        );
        assert_eq!(
            json,
            json!({
                "a": { "Fn::Sub": "${X}-b" },
                "b": { "Fn::GetAtt": ["Role", "Arn"] },
                "c": { "Fn::If": ["Cond", { "Ref": "P" }, { "Ref": "AWS::NoValue" }] },
                "d": { "Condition": "C" },
                "e": { "Fn::Sub": ["${x}", { "x": { "Fn::GetAtt": ["A", "B"] } }] },
            })
        );
    }

    #[test]
    fn scalars_keep_their_type() {
        let json =
            converted("date: 2012-10-17\nquoted: '0123'\nnumber: 14\nflag: true\nword: on\nempty:\n111122223333: x\n");
        let expected = json!({
            "date": "2012-10-17", "quoted": "0123", "number": 14, "flag": true, "word": "on", "empty": null, "111122223333": "x"
        });
        assert_eq!(json, expected);
    }

    fn template(dir: &Path, binary: &str, definition: &str) -> PathBuf {
        let path = dir.join("template.yaml");
        let text = format!(
            "Resources:\n  Step:\n    Type: AWS::Serverless::Function\n    Metadata:\n      BuildProperties: {{Binary: {binary}}}\n    Properties: {{CodeUri: .}}\n  Flow:\n    Type: AWS::Serverless::StateMachine\n    Properties: {{DefinitionUri: {definition}}}\n"
        );
        fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn local_artefacts_are_named_in_the_bucket() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("flow.asl.json"), "{}").unwrap();
        let zips = Zips::from([("validate".to_owned(), PathBuf::from("/z/validate.1.zip"))]);
        let package = package(&template(dir.path(), "validate", "flow.asl.json"), &zips, "b").unwrap();
        let resources = &package.template["Resources"];
        assert_eq!(resources["Step"]["Properties"]["CodeUri"], "s3://b/validate.1.zip");
        assert_eq!(
            resources["Flow"]["Properties"]["DefinitionUri"],
            json!({ "Bucket": "b", "Key": "flow.asl.json" })
        );
        let keys: Vec<&String> = package.artefacts.keys().collect();
        assert_eq!(keys, ["flow.asl.json", "validate.1.zip"]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("flow.asl.json"), "{}").unwrap();
        let zips = Zips::from([("validate".to_owned(), PathBuf::from("/z/validate.zip"))]);
        let unknown = package(&template(dir.path(), "undo", "flow.asl.json"), &zips, "b")
            .unwrap_err()
            .to_string();
        assert!(
            unknown.contains("Step wants the binary undo, and cargo built only these: validate"),
            "{unknown}"
        );
        let missing = package(&template(dir.path(), "validate", "x"), &zips, "b")
            .unwrap_err()
            .to_string();
        assert!(
            missing.contains("Flow:") && missing.contains("No such file"),
            "{missing}"
        );
    }
}

//! What the cluster wants: the rollout, and the texts that it names.

use std::sync::Arc;

use bytes::Bytes;
use pathkeeper_io::store::{Document, DocumentName, Store, StoreError, digest};
use pathkeeper_model::config::overrides::{self, Overrides};
use pathkeeper_model::config::rollout::{ROLLOUT_DOCUMENT, Rollout};
use pathkeeper_model::config::texts::{self, TEXTS_DOCUMENT};
use pathkeeper_model::multipath_cfg::{CONFIG_DOCUMENT, MultipathCfg, Reading};

/// The documents that matter here.
pub const DOCUMENTS: [&str; 4] = [ROLLOUT_DOCUMENT, TEXTS_DOCUMENT, CONFIG_DOCUMENT, overrides::FILE];

/// What is rolled out, read.
#[derive(Clone, Debug)]
pub struct Texts {
    /// The configuration.
    pub config: Arc<MultipathCfg>,
    /// Its digest.
    pub config_digest: String,
    /// The overrides with their digest; `None` = they say nothing, and what stands on a node stays.
    pub overrides: Option<(Arc<Overrides>, String)>,
    /// What was in force before, where that is known.
    pub before: Option<Arc<MultipathCfg>>,
    /// The overrides are others than before.
    pub overrides_new: bool,
}

/// The documents as they were read last.
#[derive(Debug, Default)]
pub struct Desired {
    read: Option<Read>,
    /// What the present documents' texts came to.
    texts: Option<(u64, Result<Texts, String>)>,
}

#[derive(Debug)]
struct Read {
    rollout: Option<Rollout>,
    texts: texts::Texts,
    present: [Document; 2],
}

impl Desired {
    /// They may have changed: the next [`Desired::refresh`] reads them.
    pub fn forget(&mut self) {
        self.read = None;
        self.texts = None;
    }

    /// Reads what is not known.
    ///
    /// # Errors
    /// From the store; then what was known before is forgotten, and nothing is begun on it.
    pub async fn refresh(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        if self.read.is_some() {
            return Ok(());
        }
        let rollout = read(store, ROLLOUT_DOCUMENT).await?.bytes.unwrap_or_default();
        let rollout = Rollout::decode(&rollout).unwrap_or_else(|why| {
            tracing::warn!("{ROLLOUT_DOCUMENT} moves nobody: {why}");
            None
        });
        if rollout.is_none() {
            let none = || Document { bytes: None, digest: digest(b"") };
            self.read = Some(Read { rollout, texts: texts::Texts::default(), present: [none(), none()] });
            return Ok(());
        }
        let texts = read(store, TEXTS_DOCUMENT).await?.bytes.unwrap_or_default();
        let texts = texts::Texts::decode(&texts).unwrap_or_else(|why| {
            tracing::warn!("{TEXTS_DOCUMENT} is not understood: {why}");
            texts::Texts::default()
        });
        let present = [read(store, CONFIG_DOCUMENT).await?, read(store, overrides::FILE).await?];
        self.read = Some(Read { rollout, texts, present });
        Ok(())
    }

    /// The newest rollout, where there is one.
    pub fn rollout(&self) -> Option<&Rollout> {
        self.read.as_ref()?.rollout.as_ref()
    }

    /// What it rolls out.
    ///
    /// # Errors
    /// Why that cannot be told, a sentence.
    pub fn texts(&mut self, rollout: &Rollout) -> Result<Texts, String> {
        match &self.texts {
            Some((generation, texts)) if *generation == rollout.generation => texts.clone(),
            _ => {
                let texts = match &self.read {
                    Some(read) => read.texts_of(rollout),
                    None => Err("the documents were not read yet".to_owned()),
                };
                self.texts = Some((rollout.generation, texts.clone()));
                texts
            }
        }
    }
}

impl Read {
    /// The bytes of a digest, wherever they stand.
    fn bytes(&self, wanted: &str) -> Option<Bytes> {
        if wanted == digest(b"") {
            return Some(Bytes::new());
        }
        let present = self.present.iter().find(|document| document.digest == wanted);
        // What another hand put under that digest is none of it.
        let kept = || self.texts.of(wanted).filter(|text| digest(text.as_bytes()) == wanted);
        present.and_then(|document| document.bytes.clone()).or_else(|| Some(kept()?.to_owned().into()))
    }

    fn texts_of(&self, rollout: &Rollout) -> Result<Texts, String> {
        let nowhere = |what: &str, digest: &str| {
            format!("{what} with the digest {digest} is nowhere in the store: pathkeeper config apply")
        };
        let bytes = self.bytes(&rollout.config).ok_or_else(|| nowhere(CONFIG_DOCUMENT, &rollout.config))?;
        let config = match Reading::parse(Some(&bytes)) {
            Reading::Good(config) => Arc::new(config),
            Reading::Absent => return Err(format!("{CONFIG_DOCUMENT} is empty, and that is no instruction")),
            Reading::Invalid(problems) => return Err(no_instruction(CONFIG_DOCUMENT, &problems)),
        };
        let bytes =
            self.bytes(&rollout.overrides).ok_or_else(|| nowhere(overrides::FILE, &rollout.overrides))?;
        let overrides = match overrides::Reading::parse(Some(&bytes)) {
            overrides::Reading::Good(good) => Some((Arc::new(good), rollout.overrides.clone())),
            overrides::Reading::Absent => None,
            overrides::Reading::Invalid(problems) => return Err(no_instruction(overrides::FILE, &problems)),
        };
        let before = rollout.previous.as_ref().and_then(|(config, _)| self.bytes(config));
        let before = before.and_then(|bytes| match Reading::parse(Some(&bytes)) {
            Reading::Good(config) => Some(Arc::new(config)),
            Reading::Absent | Reading::Invalid(_) => None,
        });
        let overrides_before = rollout.previous.as_ref().map(|(_, overrides)| overrides.as_str());
        let overrides_new = overrides_before.unwrap_or(&digest(b"")) != rollout.overrides;
        Ok(Texts { config, config_digest: rollout.config.clone(), overrides, before, overrides_new })
    }
}

fn no_instruction(document: &str, problems: &[pathkeeper_model::section::Problem]) -> String {
    let first = problems.first().map(ToString::to_string).unwrap_or_default();
    format!("{document} as it is rolled out is no instruction for this version of Pathkeeper: {first}")
}

async fn read(store: &dyn Store, name: &str) -> Result<Document, StoreError> {
    store.read(DocumentName::new(name)?).await
}

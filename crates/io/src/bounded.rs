//! Bounds for what is told to people.

/// A list of problems that stays short: after so many it only counts.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<String>,
    more: u64,
}

impl Problems {
    /// Sentences kept.
    const MAX: usize = 32;

    /// Keeps the sentence, or counts it.
    pub(crate) fn add(&mut self, sentence: String) {
        if self.list.len() < Self::MAX { self.list.push(sentence) } else { self.more += 1 }
    }

    /// Keeps these sentences, or counts them.
    pub(crate) fn extend(&mut self, sentences: impl IntoIterator<Item = String>) {
        sentences.into_iter().for_each(|sentence| self.add(sentence));
    }

    /// The sentences; the last one says how many more there were.
    pub(crate) fn into_vec(mut self) -> Vec<String> {
        if self.more > 0 {
            self.list.push(format!("and {} more", self.more));
        }
        self.list
    }
}

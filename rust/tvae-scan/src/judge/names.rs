//! What a directory is called in a sentence.

use std::collections::HashMap;
use std::path::Path;

use super::view::View;

/// The shortest word for each directory that no other one shares: its name, or its path below the argument.
#[derive(Debug)]
pub(super) struct Names<'v>(HashMap<&'v [u8], &'v str>);

impl<'v> Names<'v> {
    pub fn of(views: &'v [View<'v>]) -> Self {
        let mut names: HashMap<&str, usize> = HashMap::new();
        let mut paths: HashMap<&str, usize> = HashMap::new();
        for view in views {
            *names.entry(&view.name).or_default() += 1;
            *paths.entry(&view.relative).or_default() += 1;
        }
        let alone = |all: &HashMap<&str, usize>, word: &str| all.get(word) == Some(&1);
        let words = views.iter().filter_map(|view| {
            let word = if alone(&names, &view.name) {
                &view.name
            } else if alone(&paths, &view.relative) && view.relative != "." {
                &view.relative
            } else {
                return None;
            };
            Some((view.folder.path.as_os_str().as_encoded_bytes(), word.as_str()))
        });
        Self(words.collect())
    }

    /// The word for a directory; its whole path if nothing shorter is clear.
    pub fn word(&self, path: &Path) -> String {
        let word = self.0.get(path.as_os_str().as_encoded_bytes());
        word.map_or_else(|| path.display().to_string(), |word| (*word).to_owned())
    }
}

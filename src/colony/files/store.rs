//! All files of a colony: by id, and by label and name.

use super::{File, FileContent, FileEvent};
use crate::colony::table::Table;
use crate::ids::FileId;
use crate::time::Time;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::{Bound, RangeInclusive};
use std::sync::Arc;

/// The files of one colony.
#[derive(Debug, Default)]
pub struct Files {
    table: Table<Arc<File>>,
    labels: BTreeMap<String, Label>,
    /// About how many bytes of memory all revisions take.
    bytes: usize,
}

/// Labels and bytes follow from the revisions.
impl PartialEq for Files {
    fn eq(&self, other: &Self) -> bool {
        self.table == other.table
    }
}

/// The files of one label; never without any.
#[derive(Debug, Default, PartialEq)]
struct Label {
    /// Revisions by name, the oldest first; never without any.
    files: BTreeMap<String, Vec<Arc<File>>>,
    /// How many revisions all files have.
    revisions: usize,
}

impl Files {
    /// How many revisions there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// About how many bytes of memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The revision of this id.
    pub fn get(&self, id: &FileId) -> Option<&Arc<File>> {
        self.table.get(id)
    }

    /// The revisions of a file, the oldest first.
    pub fn revisions(&self, label: &str, name: &str) -> &[Arc<File>] {
        self.labels.get(label).and_then(|label| label.files.get(name)).map_or(&[], Vec::as_slice)
    }

    /// The newest revision of each file of exactly this label, by name.
    pub fn in_label(&self, label: &str) -> impl Iterator<Item = &Arc<File>> {
        self.labels.get(label).into_iter().flat_map(Label::newest)
    }

    /// The labels that start with this text, with how many revisions each has, in order.
    pub fn labels_from(&self, start: &str) -> impl Iterator<Item = (&str, usize)> {
        self.range(start.to_owned()).map(|(label, files)| (label, files.revisions))
    }

    /// A label and those below it, with how many revisions each has, in order; none where no file is in the label
    /// itself.
    pub fn tree(&self, label: &str) -> impl Iterator<Item = (&str, usize)> {
        self.branch(label).map(|(label, files)| (label, files.revisions))
    }

    /// The newest revision of each file in a label and below it, by label and name; none where [`Files::tree`] has none.
    pub fn in_tree(&self, label: &str) -> impl Iterator<Item = &Arc<File>> {
        self.branch(label).flat_map(|(_, files)| files.newest())
    }

    fn branch<'a>(&'a self, label: &str) -> impl Iterator<Item = (&'a str, &'a Label)> + use<'a> {
        let root = self.labels.get_key_value(label);
        let below = root.is_some().then(|| self.range(format!("{label}/")));
        root.map(|(label, files)| (label.as_str(), files)).into_iter().chain(below.into_iter().flatten())
    }

    fn range(&self, start: String) -> impl Iterator<Item = (&str, &Label)> {
        let labels = self.labels.range::<str, _>((Bound::Included(start.as_str()), Bound::Unbounded));
        labels.map(|(label, files)| (label.as_str(), files)).take_while(move |(label, _)| label.starts_with(&start))
    }

    /// Carries out what happened at this time.
    pub fn apply(&mut self, event: FileEvent, at: Time) {
        match event {
            FileEvent::Added { id, content } => self.add(id, *content, at),
            FileEvent::Removed(id) => {
                if let Some(file) = self.table.get(&id).cloned() {
                    self.remove(&file.content.label, &file.content.name, file.sequencenr..=file.sequencenr);
                }
            }
            FileEvent::RemovedUpTo { label, name, sequencenr } => {
                self.remove(&label, &name, 0..=sequencenr);
            }
        }
    }

    fn add(&mut self, id: FileId, content: FileContent, added: Time) {
        // An id is never given twice; a record that does so all the same must not leave the indexes in disagreement.
        if self.table.get(&id).is_some() {
            return;
        }
        let sequencenr = self.table.next_number() + 1;
        let file = Arc::new(File { id, sequencenr, added, content });
        self.index(&file);
        self.table.insert(file);
    }

    /// What a checkpoint writes and reads.
    pub(in crate::colony) fn table(&mut self) -> &mut Table<Arc<File>> {
        &mut self.table
    }

    /// Puts a revision back that had this number.
    pub(in crate::colony) fn restore(&mut self, number: u64, file: Arc<File>) {
        self.index(&file);
        self.table.restore(number, file);
    }

    /// Takes over a revision that is newer than all others of its name.
    fn index(&mut self, file: &Arc<File>) {
        self.bytes += file.content.bytes();
        let label = self.labels.entry(file.content.label.clone()).or_default();
        label.revisions += 1;
        label.files.entry(file.content.name.clone()).or_default().push(file.clone());
    }

    fn remove(&mut self, label: &str, name: &str, numbers: RangeInclusive<u64>) {
        let Entry::Occupied(mut labelled) = self.labels.entry(label.to_owned()) else {
            return;
        };
        let Label { files, revisions } = labelled.get_mut();
        let Some(of_name) = files.get_mut(name) else {
            return;
        };
        let from = of_name.partition_point(|file| file.sequencenr < *numbers.start());
        let to = of_name.partition_point(|file| file.sequencenr <= *numbers.end());
        for file in of_name.drain(from..to.max(from)) {
            self.table.remove(&file.id);
            self.bytes -= file.content.bytes();
            *revisions -= 1;
        }
        if of_name.is_empty() {
            files.remove(name);
        }
        if files.is_empty() {
            labelled.remove();
        }
    }
}

impl Label {
    fn newest(&self) -> impl Iterator<Item = &Arc<File>> {
        self.files.values().filter_map(|revisions| revisions.last())
    }
}

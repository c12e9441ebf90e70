//! Pickle streams, straight into the machine: it ends, keeps its budget, and its values can be walked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tvae_scan::pickle::{Budget, Safety, load, scan};

fuzz_target!(|bytes: &[u8]| {
    let budget = Budget { opcodes: 20_000, nodes: 60_000, ..Budget::default() };
    let found = load(bytes, &budget);
    assert!(found.end <= bytes.len());
    assert!(found.opcodes <= budget.opcodes);
    assert!(found.complete || found.safety >= Safety::Unparsed);
    assert_eq!(found.safety, scan(bytes, &budget).safety);
    if let Some(document) = &found.document {
        let texts = document.walk(document.root(), 200).take(10_000).map(|visit| {
            format!("{:?}", document.value(visit.id)).len()
        });
        assert!(texts.sum::<usize>() > 0);
    }
});

//! Numbers that are written beside a checkpoint.

use tvae_scan::metrics::Reading;
use tvae_scan::value::Value;

use crate::trees::{Tree, advice, dir, file};

/// What was found for `stored` beside a README: metric, stored value and name, whether they differ.
fn read(readme: &str, stored: &[(&str, f64)]) -> Vec<(String, Option<f64>, Option<String>, bool)> {
    let tree = Tree::default()
        .dir("a", vec![file("best.pt", stored)])
        .with(|folder| folder.readme = Some(readme.to_owned()));
    let judgement = tree.judge();
    let documented = &dir(&judgement, "a").documented;
    documented
        .iter()
        .map(|one| (one.metric.clone(), one.stored, one.stored_as.clone(), one.differs))
        .collect()
}

#[test]
fn a_readme_is_compared_at_the_precision_that_it_is_written_with() {
    let readme = "# A run\n\n- coverage: 100 %\n- hierarchy_B: -0.832\n- richness: 0.00787\n";
    let stored = [("coverage", 1.0), ("hierarchy_B", -0.832_04), ("richness", 0.006_615)];
    assert_eq!(
        read(readme, &stored),
        [
            ("coverage".into(), Some(1.0), None, false),
            ("hierarchy_B".into(), Some(-0.832_04), None, false),
            ("richness".into(), Some(0.006_615), None, true),
        ]
    );
}

#[test]
fn a_branch_that_is_left_out_is_the_one_that_fits_better() {
    let stored = [("hierarchy_A", -0.73), ("hierarchy_B", -0.832)];
    let found = read("hierarchy: -0.40", &stored);
    assert_eq!(found, [("hierarchy".into(), Some(-0.73), Some("hierarchy_A".into()), true)]);
    let found = read("hierarchy: -0.83", &stored);
    assert_eq!(found, [("hierarchy".into(), Some(-0.832), Some("hierarchy_B".into()), false)]);
    let found = read("hierarchy_B: -0.83", &[("hierarchy", -0.69)]);
    assert_eq!(found, [("hierarchy_B".into(), Some(-0.69), Some("hierarchy".into()), true)]);
}

#[test]
fn any_reading_may_fit_and_a_measurement_counts_before_a_best_value() {
    let differing = |readme: &str| {
        let mut best = file("best.pt", &[("hierarchy", -0.8239), ("hierarchy_B", -0.8288)]);
        best.metrics[0].reading.raw_key = "best_hierarchy".into();
        let other = Reading { value: Value::Float(-0.5), ..best.metrics[1].reading.clone() };
        best.metrics[1].others.push(other);
        let readme = Some(readme.to_owned());
        let tree = Tree::default().dir("a", vec![best]).with(|folder| folder.readme.clone_from(&readme));
        let one = dir(&tree.judge(), "a").documented[0].clone();
        (one.stored, one.stored_as, one.differs)
    };
    let branch = || Some("hierarchy_B".to_owned());
    assert_eq!(differing("hierarchy: -0.83"), (Some(-0.8288), branch(), false));
    assert_eq!(differing("hierarchy: -0.824"), (Some(-0.8239), None, false));
    assert_eq!(differing("hierarchy_B: -0.50"), (Some(-0.5), None, false));
    assert_eq!(differing("hierarchy: -0.82"), (Some(-0.8239), None, false));
    // None fits: the nearest measurement, although the best so far is nearer.
    assert_eq!(differing("hierarchy: -0.81"), (Some(-0.8288), branch(), true));
}

#[test]
fn what_is_not_stored_is_told_and_does_not_differ() {
    assert_eq!(read("Q = 1.96", &[]), [("Q".into(), None, None, false)]);
}

#[test]
fn annotations_state_numbers_too() {
    let tree = Tree::default().dir("runs/rich", vec![file("best.pt", &[("hierarchy", -0.6944)])]);
    let rules = "
        [[annotation]]
        path = 'runs/rich'
        source = 'the audit'
        documented = { hierarchy = -0.8321 }

        [[annotation]]
        path = 'rich'
        documented = { hierarchy = -0.69, richness = 7.87e-3 }
    ";
    let judgement = tree.by(rules);
    let found: Vec<_> = dir(&judgement, "runs/rich")
        .documented
        .iter()
        .map(|one| (one.metric.as_str(), one.documented, one.source.as_str(), one.differs))
        .collect();
    assert_eq!(
        found,
        [
            ("hierarchy", -0.8321, "the audit", true),
            ("hierarchy", -0.69, "rules.toml", false),
            ("richness", 0.007_87, "rules.toml", false),
        ]
    );
}

#[test]
fn a_source_alone_is_no_reason() {
    let tree = Tree::default().dir("a", vec![file("best.pt", &[])]);
    let judgement = tree.by("[[annotation]]\npath = 'a'\nverdict = 'invalid'\nsource = 'lab book'");
    assert_eq!(advice(&judgement, "a"), "archive: said to be invalid: no reason is given");
    assert_eq!(dir(&judgement, "a").note, None);
}

#[test]
fn an_annotation_of_nothing_is_told() {
    let judgement = Tree::default().dir("a", vec![]).by("[[annotation]]\npath = 'b'\nverdict = 'invalid'");
    let told = "rules.toml: the annotation of `b` is about no directory here: check its path";
    assert_eq!(judgement.notes, [told]);
}

//! What should be done with directories, and what never should.

use std::path::Path;

use tvae_scan::judge::{Action, Contradicted, GroupKind, judge_measured};
use tvae_scan::pickle::Safety;
use tvae_scan::record::{FileRecord, Status};
use tvae_scan::rules::Rules;

use crate::trees::{Tree, advice, broken, dir, file, saved};

fn run(hierarchy: f64) -> Vec<FileRecord> {
    vec![file("best.pt", &[("coverage", 1.0), ("hierarchy", hierarchy)])]
}

/// A rule that would delete everything.
const DELETE: &str = "[[delete]]\nrule = 'all'\nreason = 'all of it'";

#[test]
fn the_best_of_a_sweep_is_kept_and_the_rest_archived() {
    let tree = Tree::default()
        .dir("run_1", run(-0.7))
        .dir("run_2", run(-0.8))
        .dir("run_3", run(-0.75))
        .dir("run_4", vec![file("best.pt", &[("coverage", 0.2), ("hierarchy", -0.99)])])
        .dir("run_5", vec![file("best.pt", &[])])
        .dir("run_6", vec![]);
    let judgement = tree.judge();
    assert_eq!(advice(&judgement, "run_1"), "archive: one run of run_#; run_2 is better");
    assert_eq!(advice(&judgement, "run_2"), "keep: the best of run_#");
    assert_eq!(advice(&judgement, "run_3"), "archive: one run of run_#; run_2 is better");
    // What is flagged is no competition, and what states nothing cannot be worse.
    assert_eq!(advice(&judgement, "run_4"), "review: flagged: coverage_collapse");
    assert_eq!(advice(&judgement, "run_5"), "keep: nothing speaks against it");
    let one = dir(&judgement, "run_1");
    assert_eq!(one.group_kind, Some(GroupKind::Sweep));
    assert_eq!(one.better.as_deref(), Some(Path::new("tree/run_2")));
    assert_eq!(
        (one.category.as_str(), one.rule.as_str()),
        ("sweep", "one of several names that differ in one parameter")
    );
    assert_eq!(one.recommended_by, "redundant in a sweep");
    assert_eq!(dir(&judgement, "run_6").group, None);
}

#[test]
fn a_run_that_came_to_an_end_leads_its_sweep() {
    let cut = |hierarchy| vec![file("epoch_3.pt", &[("coverage", 1.0), ("hierarchy", hierarchy)])];
    let tree = Tree::default().dir("run_1", cut(-0.83)).dir("run_2", run(-0.8)).dir("run_3", cut(-0.7));
    let judgement = tree.judge();
    assert_eq!(advice(&judgement, "run_1"), "review: has no best checkpoint (crashed)");
    assert_eq!(advice(&judgement, "run_2"), "keep: the best of run_#");
    assert_eq!(advice(&judgement, "run_3"), "archive: one run of run_#; run_2 is better");
}

#[test]
fn two_names_are_no_sweep_and_other_folders_no_part_of_it() {
    let tree = Tree::default().dir("a/run_1", run(-0.7)).dir("a/run_2", run(-0.8)).dir("b/run_3", run(-0.9));
    let judgement = tree.judge();
    assert!(judgement.dirs.iter().all(|dir| dir.group.is_none()));
}

#[test]
fn near_identical_versions_are_archived() {
    let version = |a, b| vec![file("best.pt", &[("coverage", 1.0), ("hierarchy_A", a), ("hierarchy_B", b)])];
    let tree = Tree::default()
        .dir("v5_11_far", version(-0.60, -0.831))
        .dir("v5_11_one", version(-0.655, -0.8311))
        .dir("v5_11_two", version(-0.656, -0.8315))
        .dir("v5_12", version(-0.655, -0.8311));
    let judgement = tree.judge();
    assert_eq!(
        advice(&judgement, "v5_11_one"),
        "archive: hardly differs from the others of versions like v5_11_one; v5_11_two is better"
    );
    assert_eq!(advice(&judgement, "v5_11_two"), "keep: the best of versions like v5_11_one");
    for alone in ["v5_11_far", "v5_12"] {
        assert_eq!(advice(&judgement, alone), "keep: nothing speaks against it");
    }
    assert_eq!(dir(&judgement, "v5_12").category, "release");
    assert_eq!(dir(&judgement, "v5_11_one").category, "variant");
}

#[test]
fn a_directory_with_the_weights_of_another_is_archived() {
    let tree = Tree::default()
        .dir("v5_6", vec![saved(file("best.pt", &[]), "id1", 7)])
        .dir("v5_8", vec![saved(file("best.pt", &[]), "id2", 7)]);
    let judgement = tree.judge();
    assert_eq!(advice(&judgement, "v5_6"), "keep: nothing speaks against it");
    assert_eq!(advice(&judgement, "v5_8"), "archive: its best file holds the weights of v5_6");
}

#[test]
fn a_name_that_several_have_is_told_with_its_path() {
    let best = |id: &str, weights| vec![saved(file("best.pt", &[]), id, weights)];
    let tree = Tree::default()
        .dir("a/run", best("1", 7))
        .dir("b/run", best("2", 8))
        .dir("c/copy", best("3", 7))
        .dir("c/other", best("4", 9))
        .dir("d/another", best("5", 9));
    let judgement = tree.judge();
    assert_eq!(advice(&judgement, "c/copy"), "archive: its best file holds the weights of a/run");
    assert_eq!(advice(&judgement, "d/another"), "archive: its best file holds the weights of other");
}

#[test]
fn a_directory_with_files_of_its_own_beside_a_repeated_best_is_reviewed() {
    let best = |id: &str, coverage| saved(file("best.pt", &[("coverage", coverage)]), id, 7);
    let epoch = |name: &str, id: &str, weights| saved(file(name, &[]), id, weights);
    let tree = Tree::default()
        .dir("v5_6", vec![best("1", 1.0), epoch("epoch_9.pt", "2", 8)])
        .dir("v5_7", vec![best("3", 1.0), epoch("epoch_1.pt", "4", 8), epoch("epoch_2.pt", "2", 8)])
        .dir("v5_8", vec![best("5", 0.999), epoch("epoch_1.pt", "6", 9), epoch("epoch_2.pt", "7", 9)])
        .dir("v5_9", vec![best("8", 1.0), epoch("epoch_1.pt", "9", 10), epoch("epoch_2.pt", "10", 8)]);
    let judgement = tree.judge();
    assert_eq!(advice(&judgement, "v5_6"), "keep: nothing speaks against it");
    let told = "its best file holds the weights of v5_6";
    assert_eq!(advice(&judgement, "v5_7"), format!("archive: {told}"));
    let kept = format!("review: {told}, but no other folder holds those of epoch_1.pt");
    assert_eq!(advice(&judgement, "v5_8"), format!("{kept} and epoch_2.pt"));
    assert_eq!(advice(&judgement, "v5_9"), kept);
    let warnings = &dir(&judgement, "v5_8").warnings;
    let first = Path::new("tree").join("v5_6").join("best.pt");
    let told = format!("has the weights of {}, but states coverage 0.999 against 1", first.display());
    assert_eq!(warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [told]);
    assert_eq!(dir(&judgement, "v5_7").warnings, []);
}

#[test]
fn two_directories_that_hold_each_others_files_do_not_both_go() {
    let best = |id: &str| saved(file("best.pt", &[]), id, 7);
    let epoch = |id: &str| saved(file("epoch_1.pt", &[]), id, 8);
    let tree = Tree::default()
        .dir("v5_6", vec![best("1")])
        .dir("v5_7", vec![best("2"), epoch("3")])
        .dir("v5_8", vec![best("4"), epoch("5")]);
    let judgement = tree.judge();
    assert_eq!(advice(&judgement, "v5_7"), "archive: its best file holds the weights of v5_6");
    let kept =
        "review: its best file holds the weights of v5_6, but no other folder holds those of epoch_1.pt";
    assert_eq!(advice(&judgement, "v5_8"), kept);
}

#[test]
fn what_is_suspect_is_left_to_a_person() {
    let good = &[("coverage", 1.0)];
    let tree = Tree::default()
        .dir("crashed", vec![file("a.pt", good)])
        .dir("cut", vec![file("best.pt", good), broken("latest.pt", Status::Salvaged)])
        .dir("danger", vec![FileRecord { safety: Safety::Dangerous, ..broken("best.pt", Status::Corrupt) }])
        .dir("low", vec![file("best.pt", &[("coverage", 0.982)])])
        .dir("maze", vec![FileRecord { safety: Safety::Unparsed, ..file("best.pt", good) }])
        .dir("own", vec![FileRecord { safety: Safety::UnknownCode, ..file("best.pt", good) }])
        .dir("shut", vec![file("best.pt", good)])
        .with(|folder| folder.unreadable = Some("permission denied".into()));
    let judgement = tree.judge();
    for (name, told) in [
        ("crashed", "review: has no best checkpoint (crashed)"),
        ("cut", "review: not everything in it can be read: 1 ok, 1 salvaged"),
        ("danger", "review: holds a file that is dangerous"),
        ("low", "review: its best file has a coverage of 0.982 only"),
        ("maze", "review: holds a file that is unparsed"),
        ("own", "keep: nothing speaks against it"),
        ("shut", "review: could not be listed: permission denied"),
    ] {
        assert_eq!(advice(&judgement, name), told);
    }
    let warnings = &dir(&judgement, "low").warnings;
    assert!(
        matches!(&warnings[..], [one] if one.to_string() == "coverage 0.982 is below 0.99"),
        "{warnings:?}"
    );
}

#[test]
fn only_what_holds_nothing_is_deleted() {
    let tree = Tree::default()
        .dir("empty", vec![])
        .dir("pointer", vec![broken("best.pt", Status::Unsupported)])
        .dir("shut", vec![broken("best.pt", Status::Unreadable)])
        .dir("with-log", vec![])
        .with(|folder| folder.n_others = 1)
        .dir("zeros", vec![broken("best.pt", Status::Corrupt), broken("latest.pt", Status::Corrupt)]);
    let judgement = tree.judge();
    for (name, told) in [
        ("empty", "delete: holds nothing"),
        ("pointer", "review: not everything in it can be read: 1 unsupported"),
        ("shut", "review: not everything in it can be read: 1 unreadable"),
        ("with-log", "keep: holds no checkpoint, but other files"),
        ("zeros", "delete: holds nothing that can be read: 2 corrupt"),
    ] {
        assert_eq!(advice(&judgement, name), told);
    }
}

#[test]
fn no_rule_deletes_the_only_copy_of_a_checkpoint() {
    let one = || saved(file("best.pt", &[]), "id1", 7);
    let tree = Tree::default()
        .dir("a", vec![one()])
        .dir("b", vec![one()])
        .dir("c", vec![saved(file("best.pt", &[]), "id2", 7)])
        .dir("d", vec![broken("best.pt", Status::Corrupt)])
        .dir("e", vec![])
        .with(|folder| folder.n_others = 2);
    let judgement = tree.by(DELETE);
    let saved = "archive: all of it; not deleted: its checkpoints exist nowhere else";
    assert_eq!(advice(&judgement, "a"), saved);
    assert_eq!(advice(&judgement, "b"), "delete: all of it");
    // The same weights beside other values are no copy.
    assert_eq!(advice(&judgement, "c"), saved);
    assert_eq!(advice(&judgement, "d"), "delete: all of it");
    let judgement = tree.by(&format!("extends = 'none'\ndelete_only_copies = true\n{DELETE}"));
    assert_eq!(advice(&judgement, "a"), "delete: all of it");
    assert_eq!(advice(&judgement, "e"), "keep: all of it, but 2 other files");
}

#[test]
fn a_file_that_borrows_an_id_is_no_copy() {
    let good = saved(file("best.pt", &[]), "id1", 7);
    let evil = FileRecord { safety: Safety::Dangerous, ..good.clone() };
    let judgement =
        Tree::default().dir("a", vec![evil]).dir("b", vec![good]).by(&format!("{DELETE}\nname = 'b'"));
    assert_eq!(
        advice(&judgement, "b"),
        "archive: all of it; not deleted: its checkpoints exist nowhere else"
    );
}

#[test]
fn a_directory_does_not_go_with_folders_that_stay() {
    let tree = Tree::default()
        .dir("a", vec![broken("best.pt", Status::Corrupt)])
        .with(|folder| folder.n_folders = 1)
        .dir("a/good", run(-0.8))
        .dir("b", vec![broken("best.pt", Status::Corrupt)])
        .with(|folder| folder.n_folders = 1)
        .dir("b/logs", vec![])
        .with(|folder| folder.n_others = 1);
    let judgement = tree.judge();
    let reason = "review: holds nothing that can be read: 1 corrupt; but";
    assert_eq!(advice(&judgement, "a"), format!("{reason} one folder below it should stay"));
    assert_eq!(advice(&judgement, "b"), format!("{reason} it has folders of its own"));
}

#[test]
fn a_dangerous_file_is_named_whatever_is_done_with_it() {
    let tree =
        Tree::default().dir("a", vec![FileRecord { safety: Safety::Dangerous, ..file("best.pt", &[]) }]);
    let judgement = tree.by("[[keep]]\nrule = 'mine'\nreason = 'an exhibit'\nname = 'a'");
    assert_eq!(advice(&judgement, "a"), "keep: an exhibit; holds a dangerous file: do not load it");
}

#[test]
fn what_people_say_outweighs_metrics() {
    let tree = Tree::default()
        .dir("v5_11_overnight", vec![file("best.pt", &[("coverage", 1.0), ("hierarchy", -0.8)])])
        .dir("wild", vec![file("best.pt", &[("coverage", 0.3)])]);
    let rules = "
        [[annotation]]
        path = 'v5_11_overnight'
        verdict = 'invalid'
        note = 'its data were broken'
        source = 'the log of May'
        [[annotation]]
        path = 'wild'
        verdict = 'valid'
        note = 'meant to collapse'
    ";
    let judgement = tree.by(rules);
    let told = "archive: said to be invalid: its data were broken (the log of May)";
    assert_eq!(advice(&judgement, "v5_11_overnight"), told);
    assert_eq!(advice(&judgement, "wild"), "keep: said to be valid: meant to collapse");
    assert_eq!(dir(&judgement, "wild").note.as_deref(), Some("meant to collapse"));
}

#[test]
fn a_measured_value_decides_where_it_contradicts_a_stored_one() {
    let best = |hierarchy| vec![file("best.pt", &[("coverage", 1.0), ("hierarchy_B", hierarchy)])];
    let tree = Tree::default()
        .dir("bad", best(-0.8))
        .dir("branches", vec![file("best.pt", &[("coverage_A", 0.99), ("coverage_B", 1.0)])])
        .dir("good", best(-0.8))
        .dir("told_collapsed", vec![file("best.pt", &[("coverage", 0.2)])]);
    let measured = |dir: &str, values: &[(&str, f64)]| {
        let best = tree.0.files.iter().find(|file| file.path.ends_with(format!("{dir}/best.pt")));
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        (best.unwrap_or_else(|| panic!("{dir}")).path.clone(), values)
    };
    let contradicted = Contradicted::from([
        measured("bad", &[("coverage", 0.1)]),
        measured("branches", &[("coverage_A", 0.3), ("coverage_B", 0.3)]),
        measured("told_collapsed", &[("coverage", 1.0)]),
    ]);
    let judged = judge_measured(&tree.0, &Rules::default(), &contradicted);
    let told: Vec<_> = judged.dirs.iter().map(|dir| (dir.recommendation, dir.reason.as_str())).collect();
    assert_eq!(
        told,
        [
            (Action::Review, "flagged: coverage_collapse as measured (coverage 0.1)"),
            (Action::Review, "flagged: coverage_collapse as measured (coverage_A 0.3)"),
            (Action::Keep, "nothing speaks against it"),
            (Action::Keep, "nothing speaks against it"),
        ]
    );
    assert_eq!(judged.summary.flags.get("coverage_collapse"), Some(&2));
    let stored: Vec<f64> = judged.dirs[0].metrics.iter().map(|metric| metric.value).collect();
    assert_eq!(stored, [1.0, -0.8], "the record tells what is stored");
}

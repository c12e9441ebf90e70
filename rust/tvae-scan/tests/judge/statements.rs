//! Status, best file, flags, copies and counts: what is said about directories before anything is recommended.

use std::path::{Path, PathBuf};

use tvae_scan::judge::{Contradicted, Flag, Likeness, judge_measured};
use tvae_scan::metrics::Reading;
use tvae_scan::pickle::Safety;
use tvae_scan::record::{FileRecord, Optimizer, Salvage, StateDict, Status};
use tvae_scan::rules::Rules;
use tvae_scan::value::Value;

use crate::trees::{Tree, broken, cut, dir, family, file, holed, linked, saved};

/// The same metric as a stand-in under another key.
fn stand_in(mut record: FileRecord, raw_key: &str) -> FileRecord {
    record.metrics[0].reading.raw_key = raw_key.to_owned().into();
    record
}

#[test]
fn the_status_follows_the_names_and_not_the_suffix() {
    for (names, status) in [
        (&["best.safetensors", "latest.pt"][..], "complete"),
        (&["BEST.PT"], "complete"),
        (&["best.pth.tar"], "complete"),
        (&["best_Q.pt", "last.ckpt"], "partial"),
        (&["best_Q.pt"], "crashed"),
        (&["model"], "crashed"),
        (&[], "empty"),
    ] {
        let tree = Tree::default().dir("a", names.iter().map(|name| file(name, &[])).collect());
        assert_eq!(dir(&tree.judge(), "a").status.as_str(), status, "{names:?}");
    }
}

#[test]
fn folders_that_only_hold_folders_have_no_record() {
    let tree = Tree::default().dir("", vec![]).with(|folder| folder.n_folders = 2).dir("a", vec![]);
    assert_eq!(tree.judge().dirs.len(), 1);
}

#[test]
fn a_folder_that_cannot_be_listed_is_not_called_empty() {
    let tree = Tree::default()
        .dir("empty", vec![])
        .dir("shut", vec![])
        .with(|folder| folder.unreadable = Some("permission denied".into()));
    let judgement = tree.judge();
    assert_eq!(judgement.dirs.len(), 1);
    assert_eq!(judgement.summary.statuses.get("empty").map(|tally| tally.count), Some(1));
}

#[test]
fn the_best_file_is_the_one_named_so_or_the_one_with_the_best_metrics() {
    let good = &[("coverage", 1.0), ("hierarchy_B", -0.8)];
    let better = &[("coverage", 1.0), ("hierarchy_B", -0.83)];
    let collapsed = &[("coverage", 0.1), ("hierarchy_B", -0.99)];
    for (files, best) in [
        (vec![file("best.pt", good), file("epoch_9.pt", better)], Some("best.pt")),
        (
            vec![file("best_Q.pt", good), file("best_loss.pt", better), file("latest.pt", better)],
            Some("best_loss.pt"),
        ),
        (vec![file("best_a.pt", collapsed), file("best_b.pt", good)], Some("best_b.pt")),
        (
            vec![file("epoch_1.pt", good), file("epoch_10.pt", better), file("epoch_9.pt", good)],
            Some("epoch_10.pt"),
        ),
        (vec![file("best_a.pt", &[]), file("epoch_9.pt", good)], Some("best_a.pt")),
        (vec![file("epoch_1.pt", &[]), file("epoch_2.pt", &[])], None),
        (
            vec![
                FileRecord { status: Status::Corrupt, ..file("best.pt", &[]) },
                file("best.safetensors", &[]),
            ],
            Some("best.safetensors"),
        ),
    ] {
        let tree = Tree::default().dir("a", files);
        let judgement = tree.judge();
        let found = dir(&judgement, "a").best.as_deref().and_then(Path::file_name);
        assert_eq!(found.and_then(|name| name.to_str()), best);
    }
}

#[test]
fn a_file_without_all_its_storages_is_the_best_only_where_no_whole_one_is_there() {
    let good = &[("coverage", 1.0), ("hierarchy_B", -0.7)];
    let part = |name| cut(file(name, &[("coverage", 1.0), ("hierarchy_B", -0.83)]));
    let evil = || FileRecord { safety: Safety::Dangerous, ..file("latest.pt", good) };
    let all_there = || FileRecord { salvaged: Some(Salvage { present: 2, storages: 2 }), ..part("best.pt") };
    for (files, best) in [
        (vec![part("best.pt"), file("best_Q.pt", good)], Some("best_Q.pt")),
        (vec![part("best.pt"), file("latest.pt", good)], Some("latest.pt")),
        (vec![holed(file("best.pt", good)), file("latest.pt", good)], Some("latest.pt")),
        (vec![broken("best.safetensors", Status::Corrupt), file("latest.pt", good)], Some("latest.pt")),
        // A whole one without metrics is no best file either.
        (vec![part("best.pt"), file("latest.pt", &[])], None),
        (vec![part("best.pt"), evil()], Some("best.pt")),
        (vec![all_there(), file("latest.pt", good)], Some("best.pt")),
        (vec![part("best.pt"), part("best_Q.pt")], Some("best.pt")),
    ] {
        let judgement = Tree::default().dir("a", files).judge();
        let found = dir(&judgement, "a").best.as_deref().and_then(Path::file_name);
        assert_eq!(found.and_then(|name| name.to_str()), best);
    }
    // Nor does it become the best when the whole one turns out to be a failure.
    let tree = Tree::default().dir("a", vec![file("best.pt", good), part("best_Q.pt")]);
    let measured = Contradicted::from([(PathBuf::from("tree/a/best.pt"), vec![("coverage".into(), 0.1)])]);
    let judgement = judge_measured(&tree.0, &Rules::default(), &measured);
    assert_eq!(dir(&judgement, "a").best.as_deref(), Some(Path::new("tree/a/best.pt")));
}

#[test]
fn a_file_without_all_its_storages_leads_no_group() {
    let run = |hierarchy| file("best.pt", &[("coverage", 1.0), ("hierarchy_B", hierarchy)]);
    let tree = Tree::default()
        .dir("run_1", vec![holed(run(-0.83))])
        .dir("run_2", vec![run(-0.8)])
        .dir("run_3", vec![run(-0.7)]);
    let judgement = tree.judge();
    assert_eq!(dir(&judgement, "run_3").better.as_deref(), Some(Path::new("tree/run_2")));
}

#[test]
fn an_unsafe_file_is_the_best_only_where_no_other_can_be_read_safely() {
    let good = &[("coverage", 1.0), ("hierarchy_B", -0.8)];
    for safety in [Safety::Dangerous, Safety::Unparsed] {
        let bad = || FileRecord { safety, ..file("best.pt", &[("coverage", 1.0), ("hierarchy_B", -0.83)]) };
        for (files, best) in [
            (vec![bad(), file("latest.pt", good)], Some(("latest.pt", Safety::DataOnly))),
            (vec![bad(), file("best_Q.pt", &[]), file("z.pt", good)], Some(("best_Q.pt", Safety::DataOnly))),
            (vec![bad(), file("latest.pt", &[])], None),
            (vec![bad(), broken("latest.pt", Status::Corrupt)], Some(("best.pt", safety))),
            (vec![bad()], Some(("best.pt", safety))),
        ] {
            let judgement = Tree::default().dir("a", files).judge();
            let found = dir(&judgement, "a");
            let name = found.best.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
            assert_eq!(name.zip(found.best_safety), best);
            assert_eq!(found.safety, safety);
        }
    }
}

#[test]
fn a_record_tells_the_best_file_and_its_metrics() {
    let best = FileRecord { epoch: Some(7), ..file("best.pt", &[("Q", 1.5), ("coverage", 1.0)]) };
    let judgement = Tree::default().dir("a", vec![best, file("latest.pt", &[])]).judge();
    let dir = dir(&judgement, "a");
    assert_eq!(dir.epoch, Some(7));
    let metrics: Vec<_> = dir.metrics.iter().map(|metric| (&*metric.name, metric.value)).collect();
    assert_eq!(metrics, [("Q", 1.5), ("coverage", 1.0)]);
    assert_eq!(dir.metrics[0].family, "f1");
    assert_eq!(dir.latest.as_deref(), Some(Path::new("tree/a/latest.pt")));
}

#[test]
fn every_file_is_flagged_by_its_own_metrics() {
    let flags = |metrics: &[(&str, f64)]| {
        let judgement = Tree::default().dir("a", vec![file("epoch_3.pt", metrics)]).judge();
        judgement.files[0].flags.clone()
    };
    assert_eq!(flags(&[("coverage", 0.8999)]), [Flag::CoverageCollapse]);
    assert_eq!(flags(&[("coverage", 0.90), ("hierarchy", -0.1001)]), []);
    // The better branch counts where nothing else is stored.
    assert_eq!(flags(&[("coverage_A", 0.971), ("coverage_B", 0.893)]), []);
    assert_eq!(flags(&[("coverage", 0.5), ("coverage_A", 0.971)]), [Flag::CoverageCollapse]);
    for name in ["hierarchy", "hierarchy_A", "hierarchy_B"] {
        assert_eq!(flags(&[(name, -0.1)]), [Flag::InvertedHierarchy], "{name}");
    }
    assert_eq!(flags(&[("hierarchy_original", 0.5), ("corr_hyperbolic", 0.9)]), []);
    assert_eq!(flags(&[("Q", f64::NAN)]), [Flag::Nan]);
    assert_eq!(flags(&[("coverage", f64::INFINITY)]), [Flag::Nan]);
}

#[test]
fn a_history_counts_only_where_nothing_better_is_stored() {
    let flags = |record: FileRecord| Tree::default().dir("a", vec![record]).judge().files[0].flags.clone();
    let low = || stand_in(file("best.pt", &[("coverage", 0.2)]), "coverage_history");
    assert_eq!(flags(low()), [Flag::CoverageCollapse]);
    let mut both = low();
    let reading = both.metrics[0].reading.clone();
    both.metrics[0].others.push(Reading { raw_key: "coverage".into(), value: Value::Float(0.99), ..reading });
    assert_eq!(flags(both), []);
    // The best so far may be of other weights than the end of a history.
    let mut so_far = stand_in(file("best.pt", &[("coverage", 1.0), ("coverage_A", 0.3)]), "best_coverage");
    so_far.metrics[1].reading.raw_key = "coverage_A_history".into();
    assert_eq!(flags(so_far), [Flag::CoverageCollapse]);
}

#[test]
fn best_and_latest_that_disagree_are_flagged() {
    let diverges = |best: FileRecord, latest: FileRecord| {
        let judgement = Tree::default().dir("a", vec![best, latest]).judge();
        dir(&judgement, "a").flags.contains(&Flag::BestLatestDivergence)
    };
    let best = || file("best.pt", &[("coverage", 1.0), ("hierarchy", -0.69)]);
    assert!(!diverges(best(), file("latest.pt", &[("coverage", 0.95), ("hierarchy", -0.6)])));
    assert!(diverges(best(), file("latest.pt", &[("coverage", 0.00005)])));
    assert!(diverges(file("best.pt", &[("coverage", 0.91)]), file("latest.pt", &[("coverage", 0.89)])));
    assert!(diverges(best(), file("latest.pt", &[("coverage", 1.0), ("hierarchy", -0.5)])));
    assert!(!diverges(best(), family("latest.pt", &[("coverage", 1.0), ("hierarchy", -0.5)], "f2")));
    assert!(!diverges(best(), file("latest.pt", &[("hierarchy_A", -0.2)])));
}

#[test]
fn files_that_repeat_others_say_which_and_how() {
    let first = || saved(file("best.pt", &[]), "id1", 7);
    let tree = Tree::default()
        .dir("a", vec![linked(first(), 11), linked(FileRecord { path: "link.pt".into(), ..first() }, 11)])
        .dir(
            "b",
            vec![first(), saved(file("latest.pt", &[]), "id2", 7), saved(file("other.pt", &[]), "id1", 8)],
        )
        .dir("c", vec![file("best.pt", &[]), file("latest.pt", &[])]);
    let judgement = tree.judge();
    let found: Vec<_> = judgement
        .files
        .iter()
        .map(|file| file.duplicates_of.as_ref().map(|one| (one.path.to_str().unwrap_or(""), one.by)))
        .collect();
    let original = "tree/a/best.pt";
    assert_eq!(
        found,
        [
            None,
            Some((original, Likeness::HardLink)),
            Some((original, Likeness::Copy)),
            Some((original, Likeness::Weights)),
            None,
            None,
            None,
        ]
    );
    assert_eq!(dir(&judgement, "b").duplicates_of.as_deref(), Some(Path::new("tree/a")));
    assert_eq!(dir(&judgement, "c").duplicates_of, None);
    assert_eq!(judgement.summary.duplicates.bytes, 1000);
}

#[test]
fn of_equal_weights_the_safer_readable_and_fuller_file_is_to_be_kept() {
    let one = |id: &str, safety, status, metrics: &[(&str, f64)]| {
        vec![FileRecord { safety, status, ..saved(file("best.pt", metrics), id, 7) }]
    };
    let kept = |first: Vec<FileRecord>, second: Vec<FileRecord>| {
        let judgement = Tree::default().dir("a", first).dir("b", second).judge();
        let (one, other) = (dir(&judgement, "a"), dir(&judgement, "b"));
        let repeats: Vec<bool> = judgement.files.iter().map(|file| file.duplicates_of.is_some()).collect();
        assert_eq!(repeats, [one.duplicates_of.is_some(), other.duplicates_of.is_some()]);
        match (&one.duplicates_of, &other.duplicates_of) {
            (None, Some(_)) => "a",
            (Some(_), None) => "b",
            both => panic!("{both:?}"),
        }
    };
    let (known, unknown, ok) = (Safety::KnownTypes, Safety::UnknownCode, Status::Ok);
    let some = &[("coverage", 1.0)];
    assert_eq!(kept(one("1", unknown, ok, &[]), one("2", known, ok, some)), "b");
    assert_eq!(kept(one("1", unknown, ok, some), one("2", known, ok, &[])), "b");
    assert_eq!(kept(one("1", known, ok, &[]), one("2", known, ok, some)), "b");
    assert_eq!(kept(one("1", known, ok, some), one("2", unknown, ok, some)), "a");
    assert_eq!(kept(one("1", known, ok, some), one("2", known, ok, some)), "a");
}

#[test]
fn the_state_of_an_optimizer_is_no_weight() {
    let file = |name, id, moments| {
        let mut record = saved(file(name, &[]), id, 7);
        let model = record.state_dicts[0].clone();
        record.state_dicts.push(StateDict {
            key: "optimizer.state".into(),
            fingerprint: Some(moments),
            ..model
        });
        record.optimizers.push(Optimizer { key: "optimizer".into(), ..Optimizer::default() });
        record
    };
    let judgement = Tree::default().dir("a", vec![file("x.pt", "1", 1), file("y.pt", "2", 2)]).judge();
    let likeness = judgement.files[1].duplicates_of.as_ref().map(|one| one.by);
    assert_eq!(likeness, Some(Likeness::Weights));
}

#[test]
fn a_file_with_two_names_takes_its_space_once() {
    let tree = Tree::default()
        .dir("a", vec![linked(file("best.pt", &[]), 5), linked(file("latest.pt", &[]), 5)])
        .dir("b", vec![linked(file("best.pt", &[]), 5)])
        .dir("c", vec![linked(file("best.pt", &[]), 6)]);
    let archive = "[[archive]]\nrule = 'x'\nreason = 'x'\nname = '^[bc]$'";
    let judgement = tree.by(archive);
    let record = dir(&judgement, "a");
    assert_eq!((record.n_files, record.bytes, record.allocated), (2, 1000, 4096));
    let sum = &judgement.summary;
    assert_eq!((sum.n_files, sum.bytes, sum.allocated), (4, 2000, 8192));
    // Archiving one of its names frees nothing.
    assert_eq!((sum.after.bytes, sum.archived.bytes, sum.deleted.bytes), (1000, 1000, 0));
    assert_eq!((sum.after.allocated, sum.archived.allocated), (4096, 4096));
}

#[test]
fn the_summary_counts_what_was_said() {
    let tree = Tree::default()
        .dir(
            "a",
            vec![
                file("best.pt", &[("coverage", 0.1)]),
                FileRecord { status: Status::Corrupt, ..file("b.pt", &[]) },
            ],
        )
        .dir("b", vec![]);
    let sum = tree.judge().summary;
    let count = |map: &std::collections::BTreeMap<String, u64>, key: &str| map.get(key).copied();
    assert_eq!((sum.n_dirs, sum.n_files), (2, 2));
    assert_eq!(count(&sum.file_statuses, "corrupt"), Some(1));
    assert_eq!(count(&sum.flags, "coverage_collapse"), Some(1));
    assert_eq!(count(&sum.file_flags, "coverage_collapse"), Some(1));
    assert_eq!(count(&sum.safeties, "data_only"), Some(2));
    assert_eq!(sum.recommendations.get("review").map(|tally| tally.bytes), Some(2000));
    assert_eq!(sum.recommendations.get("delete").map(|tally| tally.count), Some(1));
}

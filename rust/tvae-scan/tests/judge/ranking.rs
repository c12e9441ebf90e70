//! The leaderboard.

use tvae_scan::judge::{Contradicted, Direction, Ranked, direction, judge, rank};
use tvae_scan::pickle::Safety;
use tvae_scan::record::{FileRecord, Status};
use tvae_scan::rules::Rules;

use crate::trees::{Tree, broken, cut, family, file, holed};

fn ranked(tree: &Tree, rules: &str, by: Option<(&str, bool)>) -> Vec<Ranked> {
    let rules = Rules::parse(rules, "rules.toml").unwrap_or_else(|error| panic!("{error}"));
    rank(&tree.0, &judge(&tree.0, &rules), &rules, by, &Contradicted::new())
}

/// Place, name, reason.
fn told(ranked: &[Ranked]) -> Vec<String> {
    let line = |one: &Ranked| {
        let place = one.place.map_or("-".into(), |place| place.to_string());
        let name = one.path.file_name().map_or("".into(), |name| name.to_string_lossy());
        format!("{place} {name}: {}", one.reason)
    };
    ranked.iter().map(line).collect()
}

#[test]
fn coverage_counts_first_then_hierarchy_then_richness_and_losers_say_why() {
    let best = |coverage, hierarchy, richness| {
        vec![file("best.pt", &[("coverage", coverage), ("hierarchy_B", hierarchy), ("richness_B", richness)])]
    };
    let tree = Tree::default()
        .dir("a", best(1.0, -0.79, 0.01))
        .dir("b", best(0.999, -0.99, 0.02))
        .dir("c", best(1.0, -0.83, 0.001))
        .dir("d", best(1.0, -0.83, 0.003))
        .dir("e", best(1.0, -0.83, 0.003));
    let ranked = ranked(&tree, "", None);
    assert_eq!(
        told(&ranked),
        [
            "1 d: the best of 5",
            "2 e: as good as d (coverage 1), which comes first by its path",
            "3 c: richness_B 0.001 against 0.003 of d",
            "4 a: hierarchy_B -0.79 against -0.83 of d",
            "5 b: coverage 0.999 against 1 of d",
        ]
    );
    let order =
        "coverage (more is better), then hierarchy_B (less is better), then richness_B (more is better)";
    assert_eq!(ranked[0].order, order);
    assert_eq!(ranked[3].values[1], ("hierarchy_B".into(), -0.79));
}

#[test]
fn a_winner_whose_name_others_have_is_told_with_its_path() {
    let best = |hierarchy| vec![file("best.pt", &[("coverage", 1.0), ("hierarchy", hierarchy)])];
    let tree = Tree::default().dir("a/run", best(-0.8)).dir("b/run", best(-0.7));
    let ranked = ranked(&tree, "", None);
    assert_eq!(ranked[1].reason, "hierarchy -0.7 against -0.8 of a/run");
}

#[test]
fn a_measured_value_counts_instead_of_a_stored_one_that_it_contradicts() {
    let best = |hierarchy| vec![file("best.pt", &[("coverage", 1.0), ("hierarchy_B", hierarchy)])];
    let tree = Tree::default()
        .dir("a", best(-0.83))
        .dir("b", best(-0.8))
        .dir("c", best(-0.82))
        .dir("d", best(-0.81))
        .dir("e", best(-0.7));
    let measured = |dir: &str, name: &str, value| {
        let best = tree.0.files.iter().find(|file| file.path.ends_with(format!("{dir}/best.pt")));
        (best.unwrap_or_else(|| panic!("{dir}")).path.clone(), vec![(name.to_owned(), value)])
    };
    let contradicted = Contradicted::from([
        measured("a", "hierarchy_B", -0.75),
        measured("c", "hierarchy_B", 0.76),
        measured("d", "coverage", 0.19),
    ]);
    let rules = Rules::default();
    let judgement = judge(&tree.0, &rules);
    let ranked = rank(&tree.0, &judgement, &rules, None, &contradicted);
    assert_eq!(
        told(&ranked),
        [
            "1 b: the best of 3",
            "2 a: hierarchy_B -0.75 against -0.8 of b; hierarchy_B measured -0.75, stored -0.83",
            "3 e: hierarchy_B -0.7 against -0.8 of b",
            "- c: flagged as measured: inverted_hierarchy (hierarchy_B 0.76)",
            "- d: flagged as measured: coverage_collapse (coverage 0.19)",
        ]
    );
    assert_eq!(ranked[1].values[1], ("hierarchy_B".into(), -0.75));
    assert_eq!(ranked[1].stored, [("hierarchy_B".into(), -0.83)]);
    assert!(ranked[0].stored.is_empty());
    let by = rank(&tree.0, &judgement, &rules, Some(("coverage", true)), &contradicted);
    assert!(by.iter().all(|one| one.place.is_none() || one.stored.is_empty()));
}

#[test]
fn families_do_not_compete() {
    let tree = Tree::default()
        .dir("a", vec![family("best.pt", &[("coverage", 1.0), ("hierarchy", -0.99)], "quick")])
        .dir("b", vec![family("best.pt", &[("coverage", 1.0), ("hierarchy", -0.8)], "exact")])
        .dir("c", vec![family("best.pt", &[("coverage", 1.0), ("hierarchy", -0.7)], "exact")])
        // An unqualified name may mean another branch.
        .dir("d", vec![family("best.pt", &[("coverage", 1.0), ("hierarchy_B", -0.9)], "exact")]);
    let ranked = ranked(&tree, "", None);
    assert_eq!(
        told(&ranked),
        [
            "1 b: the best of 2; not compared with those of other families",
            "2 c: hierarchy -0.7 against -0.8 of b",
            "1 a: the only one of its family; not compared with those of other families",
            "1 d: the only one of its family; not compared with those of other families",
        ]
    );
    assert_eq!(ranked[0].family, "exact");
    assert_eq!(ranked[2].family, "quick");
}

#[test]
fn tables_of_the_same_families_tell_which_value_is_of_which() {
    let record = |second: &'static str| {
        let mut record =
            family("best.pt", &[("coverage", 1.0), ("hierarchy", -0.8), ("richness", 0.1)], "f1");
        record.metrics[1].reading.family = second.into();
        record.metrics[2].reading.family = "f2".into();
        record
    };
    let tree = Tree::default().dir("a", vec![record("f1")]).dir("b", vec![record("f2")]);
    let ranked = ranked(&tree, "", None);
    assert_eq!((&*ranked[0].family, &*ranked[1].family), ("f1 + f2", "f1 + f2"));
    assert!(ranked[0].order.contains("hierarchy (f1; less is better)"), "{}", ranked[0].order);
    assert!(ranked[1].order.contains("hierarchy (f2; less is better)"), "{}", ranked[1].order);
}

#[test]
fn a_measured_coverage_of_both_branches_counts_once() {
    let best = file("best.pt", &[("coverage_A", 1.0), ("coverage_B", 0.99)]);
    let tree = Tree::default().dir("a", vec![best]);
    let path = tree.0.files[0].path.clone();
    let values = ["coverage_A", "coverage_B"].map(|name| (name.to_owned(), 0.95)).to_vec();
    let (rules, contradicted) = (Rules::default(), Contradicted::from([(path, values)]));
    let ranked = rank(&tree.0, &judge(&tree.0, &rules), &rules, None, &contradicted);
    let name = "coverage of the better branch".to_owned();
    assert_eq!(ranked[0].values, [(name.clone(), 0.95)]);
    assert_eq!(ranked[0].stored, [(name, 1.0)]);
}

#[test]
fn the_end_of_a_history_does_not_compete_with_a_measurement() {
    let mut record = file("best.pt", &[("coverage", 1.0)]);
    record.metrics[0].reading.raw_key = "coverage_history".into();
    let tree = Tree::default().dir("a", vec![file("best.pt", &[("coverage", 0.99)])]).dir("b", vec![record]);
    let ranked = ranked(&tree, "", None);
    assert_eq!(ranked.iter().map(|one| one.place).collect::<Vec<_>>(), [Some(1), Some(1)]);
    assert_eq!(ranked[1].family, "f1, history");
}

#[test]
fn values_of_unknown_definition_are_ranked_with_a_warning() {
    let best = || vec![family("best.pt", &[("coverage", 1.0)], "unknown")];
    let ranked = ranked(&Tree::default().dir("a", best()).dir("b", best()), "", None);
    let told = "the best of 2, if they were measured alike: their family is unknown";
    assert_eq!(ranked[0].reason, told);
}

#[test]
fn without_a_coverage_of_the_model_that_of_the_better_branch_counts() {
    let tree = Tree::default()
        .dir("a", vec![file("best.pt", &[("coverage_A", 0.99), ("coverage_B", 0.98)])])
        .dir("b", vec![file("best.pt", &[("coverage_A", 0.95), ("coverage_B", 1.0)])]);
    let ranked = ranked(&tree, "", None);
    let lost = "2 a: coverage of the better branch 0.99 (A) against 1 (B) of b";
    assert_eq!(told(&ranked), ["1 b: the best of 2", lost]);
    let branches: Vec<_> = ranked.iter().flat_map(|one| &one.branches).map(|(_, branch)| *branch).collect();
    assert_eq!(branches, ["B", "A"]);
}

#[test]
fn what_does_not_compete_says_why() {
    let good = || file("best.pt", &[("coverage", 1.0), ("hierarchy", -0.8)]);
    let tree = Tree::default()
        .dir("collapsed", vec![file("best.pt", &[("coverage", 0.1)])])
        .dir("cut", vec![cut(good())])
        .dir("damaged", vec![broken("best.pt", Status::Corrupt)])
        .dir("dangerous", vec![FileRecord { safety: Safety::Dangerous, ..good() }])
        .dir("distrusted", vec![good()])
        .dir("empty", vec![])
        .dir("holed", vec![holed(good())])
        .dir("no-best", vec![file("a.pt", &[])])
        .dir("silent", vec![file("best.pt", &[])])
        .dir("trusted", vec![file("best.pt", &[("coverage", 0.1), ("hierarchy", -0.8)])])
        // What its latest file says is no argument against its best.
        .dir("well", vec![good(), file("latest.pt", &[("coverage", 0.1)])]);
    let rules = "
        [[annotation]]
        path = 'distrusted'
        verdict = 'invalid'
        note = 'trained on the wrong data'
        source = 'log'
        [[annotation]]
        path = 'trusted'
        verdict = 'valid'
    ";
    assert_eq!(
        told(&ranked(&tree, rules, None)),
        [
            "1 well: the best of 2",
            "2 trusted: coverage 0.1 against 1 of well",
            "- collapsed: flagged: coverage_collapse",
            "- cut: its best checkpoint was cut: 1 of 2 storages are there",
            "- damaged: its best checkpoint is corrupt",
            "- dangerous: its best checkpoint is dangerous",
            "- distrusted: said to be invalid: trained on the wrong data (log)",
            "- empty: holds no checkpoint",
            "- holed: its best checkpoint lacks a storage",
            "- no-best: has no best checkpoint",
            "- silent: states neither coverage nor hierarchy",
        ]
    );
}

#[test]
fn one_metric_ranks_in_the_given_direction() {
    let tree = Tree::default()
        .dir("a", vec![file("best.pt", &[("kl_nats", 30.0)])])
        .dir("b", vec![file("best.pt", &[("kl_nats", 20.0)])])
        .dir("c", vec![file("best.pt", &[("coverage", 1.0)])]);
    let less = told(&ranked(&tree, "", Some(("kl_nats", false))));
    assert_eq!(less, ["1 b: the best of 2", "2 a: kl_nats 30 against 20 of b", "- c: states no kl_nats"]);
    let more = ranked(&tree, "", Some(("kl_nats", true)));
    assert_eq!(more[0].order, "kl_nats (more is better)");
    assert!(more[0].path.ends_with("a"));
}

#[test]
fn directions_are_known_for_metrics_and_for_both_branches() {
    assert_eq!(direction("coverage"), Some(Direction::Higher));
    assert_eq!(direction("hierarchy_B"), Some(Direction::Lower));
    assert_eq!(direction("tree_inversions_A"), Some(Direction::Lower));
    assert_eq!(direction("r_v0_B"), None);
}

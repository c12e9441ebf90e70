//! The rules file: what it changes, and what is wrong with it.

use tvae_scan::rules::{DEFAULT, LEGACY, Rules};

use crate::trees::{Tree, advice, dir, file};

fn error(text: &str) -> String {
    Rules::parse(text, ".tvae-rules.toml").map_or_else(|error| error, |_| panic!("{text} was accepted"))
}

#[test]
fn the_built_in_rules_are_rules_files() {
    for text in [DEFAULT, LEGACY] {
        let text = format!("extends = 'none'\n{text}");
        assert_eq!(Rules::parse(&text, "built-in").map(|_| ()), Ok(()));
    }
}

#[test]
fn the_example_of_the_page_is_a_rules_file() {
    let page = include_str!("../../../../docs/rules.md");
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let tree = Tree::default()
        .dir("v5_11_overnight", vec![file("best.pt", &[("coverage", 1.0)])])
        .dir("v5_11_structural", vec![file("best.pt", &[("coverage", 0.94)])]);
    let judgement = tree.by(example.unwrap_or_default());
    let told = "archive: said to be invalid: trained on a broken table, although its metrics look good (lab book, 12 May)";
    assert_eq!(advice(&judgement, "v5_11_overnight"), told);
    assert_eq!(advice(&judgement, "v5_11_structural"), "keep: figures of chapter four, see v5_11_structural");
    assert_eq!(dir(&judgement, "v5_11_structural").flags.len(), 1);
}

#[test]
fn errors_say_where_what_was_expected_and_what_to_do() {
    for (text, told) in [
        (
            "[thresholds]\ncoverage_colapse = 0.5",
            "2:1: unknown key `coverage_colapse`: did you mean `coverage_collapse`?",
        ),
        (
            "[[keep]]\nrule = 'a'\nreason = 'b'\nstaus = ['empty']",
            "4:1: unknown key `staus`: did you mean `status`?",
        ),
        ("[treshold]", "1:2: unknown key `treshold`: did you mean `thresholds`?"),
        (
            "[[keep]]\nrule = 'a'\nreason = 'b'\nstatus = ['emty']",
            "4:11: unknown status `emty`: did you mean `empty`?",
        ),
        (
            "[[keep]]\nrule = 'a'\nreason = 'b'\nflags = ['x']",
            "4:10: unknown flag `x`: use one of coverage_collapse, inverted_hierarchy, best_latest_divergence, nan",
        ),
        ("[thresholds]\ninverted = 'low'", "2:12: expected a number, found the text \"low\": change it"),
        ("[thresholds]\ncoverage_warn = 99", "2:17: expected a number from 0 to 1, found 99: change it"),
        ("[groups]\nsmallest_sweep = 1", "2:18: expected a whole number from 2 to 1000, found 1: change it"),
        ("extends = 'legcy'", "1:11: unknown rules `legcy`: did you mean `legacy`?"),
        ("off = ['best of group']", "1:8: unknown rule `best of group`: did you mean `best of its group`?"),
        ("[[keep]]\nrule = 'a'", "1:1: `reason` is missing here: say why in one sentence"),
        ("[[keep]]\nreason = 'a'", "1:1: `rule` is missing here: add a name for the rule"),
        (
            "[[keep]]\nrule = 'a'\nreason = '{flag}'",
            "3:10: unknown placeholder `flag`: did you mean `flags`?",
        ),
        (
            "[[keep]]\nrule = 'a'\nreason = 'b'\ngives = 'c'",
            "4:9: `gives` belongs into a [[category]]: remove it",
        ),
        ("[[category]]\nrule = 'a'", "1:1: `gives` is missing here: add the category that it gives"),
        (
            "[[category]]\nrule = 'a'\ngives = 'b'\nreason = 'c'",
            "1:1: `reason` has no meaning in a [[category]]: remove it",
        ),
        ("[otherwise]\naction = 'keep'", "1:1: `reason` is missing here: add it"),
        (
            "[[annotation]]\npath = '..'",
            "2:8: expected the path of a directory below the tree: write it as `tvae scan` prints it",
        ),
        ("[[annotation]]\nnote = 'x'", "1:1: `path` is missing here: add it"),
        (
            "[[annotation]]\npath = 'a'\ndocumented = { Q = nan }",
            "3:20: expected a finite decimal number: write it with the digits that were published",
        ),
        (
            "[[annotation]]\npath = 'a'\ndocumented = { hierachy_B = -1 }",
            "3:16: unknown metric `hierachy_B`: did you mean `hierarchy_B`?",
        ),
        (
            "[[keep]]\nrule = 'a'\nreason = 'b'\ncategory = ['release', 'tests']",
            "4:24: unknown category `tests`: did you mean `test`?",
        ),
        (
            "extends = 'none'\n[[keep]]\nrule = 'a'\nreason = 'b'\ncategory = ['release']",
            "5:13: unknown category `release`: use one of other",
        ),
        (
            "[[category]]\nrule = 'a'\ngives = 'b'\n[[keep]]\nrule = 'a'\nreason = 'c'",
            "5:8: a second rule `a`: rename one of them",
        ),
        (
            "[[keep]]\nrule = 'holds nothing'\nreason = 'b'",
            "2:8: the rules that this file extends have a rule `holds nothing`: rename this one, or put that one into `off`",
        ),
        (
            "[[annotation]]\npath = 'a'\nverdict = 'bad'",
            "3:11: unknown verdict `bad`: use one of valid, invalid",
        ),
        (
            "[[keep]]\nrule = 'a'\nreason = 'b'\nsound = 'yes'",
            "4:9: expected true or false, found the text \"yes\": change it",
        ),
    ] {
        assert_eq!(error(text), format!(".tvae-rules.toml:{told}"), "{text}");
    }
}

#[test]
fn errors_are_one_line_whatever_is_wrong() {
    for (text, start) in [
        ("[keep]\nrule = 'a'", "expected a list"),
        ("[[keep]]\nrule = 'a'\nreason = 'b'\nname = '('", "expected a regular expression"),
        ("keep = ", "this is not TOML"),
        ("a = 1\na = 2", ""),
        ("[[keep", "this is not TOML"),
        ("\u{feff}\0", ""),
        ("status = [\n\n1,", ""),
    ] {
        let told = error(text);
        assert!(!told.contains('\n') && told.contains(start), "{told}");
        let mut place = told.split(':');
        assert_eq!(place.next(), Some(".tvae-rules.toml"), "{told}");
        assert!(place.next().is_some_and(|line| line.parse::<u32>().is_ok()), "{told}");
        assert!(place.next().is_some_and(|column| column.parse::<u32>().is_ok()), "{told}");
    }
}

#[test]
fn a_file_extends_the_default_rules() {
    let tree = Tree::default().dir("demo", vec![file("best.pt", &[("coverage", 0.8)])]).dir("empty", vec![]);
    let judgement = tree.by("
        [thresholds]
        coverage_collapse = 0.5

        [[category]]
        rule = 'shown to visitors'
        gives = 'demo'
        path = '^demo$'

        [[review]]
        rule = 'demos'
        reason = '{name} is a {category} with a coverage of {coverage}'
        category = ['demo']
        ");
    assert_eq!(advice(&judgement, "demo"), "review: demo is a demo with a coverage of 0.8");
    assert_eq!(advice(&judgement, "empty"), "delete: holds nothing");
    assert_eq!(dir(&judgement, "demo").flags, []);
}

#[test]
fn rules_can_be_switched_off_or_left_out() {
    let tree = Tree::default().dir("empty", vec![]).dir("scratch_run_1", vec![file("best.pt", &[])]);
    assert_eq!(advice(&tree.by("off = ['holds nothing']"), "empty"), "keep: nothing speaks against it");
    assert_eq!(advice(&tree.by("extends = 'none'"), "empty"), "keep: no rule speaks of it");
    let again = "off = ['holds nothing']\n[[keep]]\nrule = 'holds nothing'\nreason = 'a place for it'";
    assert_eq!(advice(&tree.by(again), "empty"), "keep: a place for it");
    let legacy = tree.by("extends = 'legacy'\noff = ['repeated run']");
    assert_eq!(advice(&legacy, "scratch_run_1"), "review: left to a manual review");
    assert_eq!(dir(&legacy, "scratch_run_1").category, "FINAL_PUSH");
}

#[test]
fn keep_comes_before_delete_before_archive_before_review() {
    let tree = Tree::default().dir("empty", vec![]);
    let rule = |action: &str| format!("[[{action}]]\nrule = '{action}'\nreason = '-'\n");
    let all = ["review", "archive", "delete", "keep"];
    for (number, action) in all.iter().enumerate() {
        let rules: String = all[..=number].iter().map(|action| rule(action)).collect();
        let judgement = tree.by(&format!("extends = 'none'\n{rules}"));
        assert_eq!(dir(&judgement, "empty").recommendation.as_str(), *action);
    }
}

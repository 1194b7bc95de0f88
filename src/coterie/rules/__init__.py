"""Rules: who belongs to an audience, as a tree of conditions over tags, events, other audiences and lists.

Read with `parse_rule`, check with `check_rule`, say with `sentence`, count with `compile_rule`, explain with `evaluate` and `flip`.
The same rule gives the same people in SQL and in the plain-Python evaluator; property tests compare them.
"""

from __future__ import annotations

from coterie.rules.check import bind_rule, check_rule, rule_problems
from coterie.rules.evaluate import Evaluation, Reason, evaluate
from coterie.rules.expressions import Expression, parse_expression
from coterie.rules.facts import Facts, read_facts
from coterie.rules.fields import FieldRef, field_names, find_field, joins_sql
from coterie.rules.flip import Change, Flip, flip
from coterie.rules.glossary import GLOSSARY, word
from coterie.rules.measures import MEASURES, significant
from coterie.rules.operators import OPERATORS, operator_table
from coterie.rules.schema import rule_json_schema
from coterie.rules.sentences import node_sentence, sentence
from coterie.rules.sql import CompiledRule, LeafSql, NodeCount, RuleCount, compile_rule
from coterie.rules.tree import LEAF_KINDS, Rule, parse_rule, read_rule
from coterie.rules.vocabulary import PlainResolver, PlainVocabulary, Resolver, TagInfo, Vocabulary
from coterie.rules.where import bind_where, read_where, where_sql

__all__ = [
    "GLOSSARY",
    "LEAF_KINDS",
    "MEASURES",
    "OPERATORS",
    "Change",
    "CompiledRule",
    "Evaluation",
    "Expression",
    "Facts",
    "FieldRef",
    "Flip",
    "LeafSql",
    "NodeCount",
    "PlainResolver",
    "PlainVocabulary",
    "Reason",
    "Resolver",
    "Rule",
    "RuleCount",
    "TagInfo",
    "Vocabulary",
    "bind_rule",
    "bind_where",
    "check_rule",
    "compile_rule",
    "evaluate",
    "field_names",
    "find_field",
    "flip",
    "joins_sql",
    "node_sentence",
    "operator_table",
    "parse_expression",
    "parse_rule",
    "read_facts",
    "read_rule",
    "read_where",
    "rule_json_schema",
    "rule_problems",
    "sentence",
    "significant",
    "where_sql",
    "word",
]

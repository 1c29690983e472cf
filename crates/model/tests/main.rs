//! What the model promises: each module is a subject. One program, for linking each by itself takes longer than its tests.

mod alert;
mod causes;
mod causes_stories;
mod config;
mod detail;
mod discover;
mod expect;
mod facts;
mod fold;
mod guide;
mod large;
mod law;
mod ledger;
mod matrix;
mod multipath_cfg;
mod multipath_conf;
mod node_value;
mod orders;
mod people;
mod problems;
mod reference;
mod report;
mod section;
mod storage_cfg;
mod topology;
mod volumes;

//! Writing a workload as LWF.

use std::fmt::Write as _;
use std::io::{self, Write};

use quick_xml::escape::escape;

use super::clock::format;
use super::lwf::PROMISED;
use crate::model::lease::{
    Amounts, KNOWN_RESOURCES, LeaseKind, LeaseRequest, Part, RESOURCES, Site, Software, Workload,
};
use crate::time::{Instant, Span};

/// Writes `workload` to `out` as LWF, from which [`super::read_lwf`] reads the same again.
///
/// # Errors
///
/// The operating system may refuse.
pub fn write_lwf(workload: &Workload, mut out: impl Write) -> io::Result<()> {
    writeln!(out, "<?xml version=\"1.0\"?>")?;
    writeln!(out, "<lease-workload name=\"{}\">", escape(&workload.name))?;
    writeln!(out, "  <description>{}</description>", escape(&workload.description))?;
    if !workload.attributes.is_empty() {
        writeln!(out, "  <attributes>{}</attributes>", pairs(&workload.attributes))?;
    }
    let names = names(workload);
    if let Some(site) = &workload.site {
        write_site(site, &names, &mut out)?;
    }
    writeln!(out, "  <lease-requests>")?;
    for lease in &workload.leases {
        writeln!(out, "{}", request(lease, &names, &workload.images))?;
    }
    writeln!(out, "  </lease-requests>")?;
    writeln!(out, "</lease-workload>")
}

/// Names of resources by position.
fn names(workload: &Workload) -> Vec<String> {
    let known = || KNOWN_RESOURCES.map(str::to_owned).to_vec();
    workload.site.as_ref().map_or_else(known, |site| site.resources.clone())
}

fn write_site(site: &Site, names: &[String], out: &mut impl Write) -> io::Result<()> {
    let listed: Vec<String> = names.iter().map(|name| escape(name).into_owned()).collect();
    writeln!(out, "  <site>\n    <resource-types names=\"{}\"/>\n    <nodes>", listed.join(" "))?;
    for alike in site.hosts.chunk_by(|a, b| a == b) {
        writeln!(out, "      {}", node_set(alike.len(), "", &alike[0], names))?;
    }
    writeln!(out, "    </nodes>\n  </site>")
}

/// `further`: attributes beside the count.
fn node_set(count: usize, further: &str, amounts: &Amounts, names: &[String]) -> String {
    let mut text = format!("<node-set numnodes=\"{count}\"{further}>");
    for (k, name) in names.iter().enumerate().take(RESOURCES) {
        // CPU and memory are always said, others where there is some.
        if k < 2 || amounts[k] != 0 {
            let _ = write!(text, "<res type=\"{}\" amount=\"{}\"/>", escape(name), amounts[k]);
        }
    }
    text + "</node-set>"
}

fn pairs(list: &[(String, String)]) -> String {
    let attr = |(name, value): &(String, String)| {
        format!("<attr name=\"{}\" value=\"{}\"/>", escape(name), escape(value))
    };
    list.iter().map(attr).collect()
}

fn since_start(instant: Instant) -> String {
    format(Span(instant.0))
}

fn request(lease: &LeaseRequest, names: &[String], images: &[String]) -> String {
    let mut text = format!("    <lease-request arrival=\"{}\">", since_start(lease.arrival));
    if let Some(real) = lease.real_duration {
        let _ = write!(text, "<realduration time=\"{}\"/>", format(real));
    }
    let _ = write!(text, "<lease id=\"{}\" preemptible=\"{}\"", lease.number, lease.preemptible);
    if let Some(user) = lease.user {
        let _ = write!(text, " user=\"{user}\"");
    }
    text += "><nodes>";
    for set in &lease.nodes {
        text += &node_set(set.count as usize, &part(&set.part), &set.need, names);
    }
    text += "</nodes>";
    let exact = |start| format!("<start><exact time=\"{}\"/></start>", since_start(start));
    let (start, deadline) = match lease.kind {
        LeaseKind::BestEffort => ("<start/>".to_owned(), None),
        LeaseKind::Immediate => ("<start><now/></start>".to_owned(), None),
        LeaseKind::AdvanceReservation { start } => (exact(start), None),
        LeaseKind::Deadline { start, deadline } => (exact(start), Some(deadline)),
    };
    let _ = write!(text, "{start}<duration time=\"{}\"/>", format(lease.duration));
    if let Some(deadline) = deadline {
        let _ = write!(text, "<deadline time=\"{}\"/>", since_start(deadline));
    }
    text += &match lease.software {
        Software::None => "<software><none/></software>".to_owned(),
        Software::Image { image, size } => {
            let name = images.get(image as usize).map_or("", String::as_str);
            let name = escape(name);
            format!("<software><disk-image id=\"{name}\" size=\"{size}\"/></software>")
        }
    };
    let mut extras = lease.extras.clone();
    if lease.promised_percent < LeaseRequest::WHOLE {
        extras.push((PROMISED.to_owned(), lease.promised_percent.to_string()));
    }
    if !extras.is_empty() {
        let _ = write!(text, "<extra>{}</extra>", pairs(&extras));
    }
    text + "</lease></lease-request>"
}

/// The part of VMs in their lease, as attributes.
fn part(part: &Part) -> String {
    let joined = |names: &[String]| Some(names.join(" ")).filter(|names| !names.is_empty());
    let (after, together) = (joined(&part.after), joined(&part.together));
    let apart = joined(&part.apart);
    let stated = [
        ("instance", &part.instance),
        ("name", &part.name),
        ("after", &after),
        ("together", &together),
        ("apart", &apart),
    ];
    let attribute = |(name, value): (&str, &Option<String>)| {
        value.as_ref().map(|value| format!(" {name}=\"{}\"", escape(value)))
    };
    stated.into_iter().filter_map(attribute).collect()
}

#[cfg(test)]
mod tests {
    use super::super::read_lwf;
    use super::*;

    const TEXT: &str = r#"<?xml version="1.0"?>
<lease-workload name="a &lt; b"><description>two &amp; more</description>
<attributes><attr name="k" value="&quot;v&quot;"/></attributes>
<site><resource-types names="CPU Memory GPU"/><nodes>
<node-set numnodes="3"><res type="CPU" amount="200"/><res type="Memory" amount="4096"/></node-set>
<node-set numnodes="1"><res type="CPU" amount="400"/><res type="GPU" amount="2"/></node-set>
</nodes></site>
<lease-requests>
<lease-request arrival="00:00:30"><realduration time="00:42:10"/><lease id="1" preemptible="true"
 user="7"><nodes><node-set numnodes="3"><res type="CPU" amount="100"/></node-set>
<node-set numnodes="1"><res type="GPU" amount="1"/></node-set></nodes>
<start/><duration time="02:00:00"/><software><disk-image id="deb12" size="600"/></software></lease>
</lease-request>
<lease-request arrival="00:10:00"><lease id="2" preemptible="false"><nodes><node-set numnodes="4">
<res type="CPU" amount="200"/></node-set></nodes><start><exact time="1:00:00:00"/></start>
<duration time="01:30:00"/><deadline time="2:00:00:00"/><software><none/></software>
<extra><attr name="rate" value="1"/></extra></lease></lease-request>
<lease-request arrival="00:20:00"><lease id="3"><nodes><node-set numnodes="1"/></nodes>
<start><now/></start><duration time="10:00"/></lease></lease-request>
</lease-requests></lease-workload>"#;

    #[test]
    fn what_is_written_reads_the_same_again() {
        let workload = read_lwf("f", TEXT.as_bytes()).expect("it is in order");
        assert_eq!((workload.name.as_str(), workload.description.as_str()), ("a < b", "two&more"));
        assert_eq!(workload.leases[0].vms(), 4);
        assert_eq!(workload.leases[0].nodes[1].need[5], 1, "GPU comes after the known five");
        let mut text = Vec::new();
        write_lwf(&workload, &mut text).expect("a vector takes everything");
        let again = read_lwf("g", &text[..]).expect("we wrote it");
        assert_eq!(again, workload);
    }

    #[test]
    fn every_fault_of_a_file_is_named_with_its_line() {
        let wrong = TEXT.replace("\"GPU\" amount=\"1\"", "\"CPUs\" amount=\"1\"");
        let wrong = wrong.replace("id=\"3\"", "id=\"2\"").replace("01:30:00", "-1:30:00");
        let text = read_lwf("f", wrong.as_bytes()).expect_err("three faults").to_string();
        assert!(text.contains("GLN-144 f:11: unknown resource `CPUs` (did you mean"), "{text}");
        assert!(text.contains("GLN-143 f:16: duration time is `-1:30:00`"), "{text}");
        assert_eq!(text.lines().count(), 2, "lease 2 was not taken, so 2 is not there twice");
        let twice = TEXT.replace("id=\"3\"", "id=\"2\"");
        let text = read_lwf("f", twice.as_bytes()).expect_err("twice").to_string();
        assert!(text.contains("GLN-145 f:18: lease 2 is there twice"), "{text}");
    }

    #[test]
    fn entities_are_not_expanded_and_torn_files_are_refused() {
        let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaa\">]><lease-workload/>";
        let text = read_lwf("f", bomb.as_bytes()).expect_err("a document type").to_string();
        assert!(text.contains("GLN-141 f:1: a document type"), "{text}");
        let entity = TEXT.replace("two &amp; more", "&bomb;");
        let text = read_lwf("f", entity.as_bytes()).expect_err("an entity").to_string();
        assert!(text.contains("`&bomb;`, which is not expanded"), "{text}");
        for end in [60, 300, 900] {
            assert!(read_lwf("f", &TEXT.as_bytes()[..end]).is_err(), "cut at {end}");
        }
    }
}

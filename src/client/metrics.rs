//! The page of `GET /metrics`, read (chapter 6, 3).

use super::{ANSWER, Client, ClientError, REPLY_BYTES, reason};

/// The samples of a page.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<Sample>);

#[derive(Clone, Debug)]
struct Sample {
    name: String,
    /// What is between the braces.
    labels: String,
    value: f64,
}

impl Sample {
    fn parse(line: &str) -> Option<Sample> {
        let (series, value) = line.rsplit_once(' ')?;
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let labels = labels.strip_suffix('}')?.to_owned();
        Some(Sample { name: name.to_owned(), labels, value: value.parse().ok()? })
    }

    fn label(&self, name: &str) -> Option<&str> {
        let mut labels = self.labels.split(',').filter_map(|label| label.split_once('='));
        labels.find_map(|(found, value)| (found == name).then(|| value.trim_matches('"')))
    }

    fn has(&self, with: &[(&str, &str)]) -> bool {
        with.iter().all(|&(name, value)| self.label(name) == Some(value))
    }
}

impl Samples {
    /// Reads a page: the text format of Prometheus, with labels whose values have neither commas nor quotes in them, as
    /// all of this server have. What is no sample is passed over.
    pub fn parse(page: &str) -> Samples {
        Samples(page.lines().filter(|line| !line.starts_with('#')).filter_map(Sample::parse).collect())
    }

    /// The value of a metric without labels.
    pub fn value(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|sample| sample.name == name && sample.labels.is_empty()).map(|sample| sample.value)
    }

    /// The values of all series of a metric together, with these labels; 0 where there is none.
    pub fn sum(&self, name: &str, with: &[(&str, &str)]) -> f64 {
        self.0.iter().filter(|sample| sample.name == name && sample.has(with)).map(|sample| sample.value).sum()
    }

    /// The values that a label has in the series of a metric, each once.
    pub fn label_values(&self, name: &str, label: &str) -> Vec<&str> {
        let found = self.0.iter().filter(|sample| sample.name == name).filter_map(|sample| sample.label(label));
        let mut values: Vec<_> = found.collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// The buckets of a histogram, with these labels: upper bounds that ascend, and how many were at most
    /// that.
    pub fn buckets(&self, name: &str, with: &[(&str, &str)]) -> Vec<(f64, f64)> {
        let name = format!("{name}_bucket");
        let found = self.0.iter().filter(|sample| sample.name == name && sample.has(with));
        let bound = |sample: &Sample| match sample.label("le")? {
            "+Inf" => Some(f64::INFINITY),
            bound => bound.parse().ok(),
        };
        found.filter_map(|sample| Some((bound(sample)?, sample.value))).collect()
    }
}

impl Client {
    /// The server's figures, to anybody.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn metrics(&self) -> Result<Samples, ClientError> {
        let unreachable =
            |error: ureq::Error| ClientError::Unreachable { url: self.url.clone(), reason: reason(&error) };
        let request = self.agent.get(format!("{}/metrics", self.url));
        let request = request.config().timeout_recv_response(Some(ANSWER)).build();
        let mut response = request.call().map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            return Err(ClientError::Strange(format!("GET /metrics was answered with {status}")));
        }
        let page = response.body_mut().with_config().limit(REPLY_BYTES).read_to_string().map_err(unreachable)?;
        Ok(Samples::parse(&page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_by_name_and_label() {
        let page = "# HELP a_total Of a.\n# TYPE a_total counter\na_total{kind=\"x\",end=\"2xx\"} 2\n\
                    a_total{kind=\"y\",end=\"2xx\"} 3\nb -1\nc_bucket{kind=\"x\",le=\"0.5\"} 1\n\
                    c_bucket{kind=\"x\",le=\"+Inf\"} 4\nnonsense\n";
        let samples = Samples::parse(page);
        assert_eq!(samples.value("b"), Some(-1.0));
        assert_eq!(samples.value("a_total"), None);
        assert_eq!(samples.sum("a_total", &[]), 5.0);
        assert_eq!(samples.sum("a_total", &[("kind", "y")]), 3.0);
        assert_eq!(samples.label_values("a_total", "kind"), ["x", "y"]);
        assert_eq!(samples.buckets("c", &[("kind", "x")]), [(0.5, 1.0), (f64::INFINITY, 4.0)]);
        assert!(samples.buckets("c", &[("kind", "y")]).is_empty());
    }
}

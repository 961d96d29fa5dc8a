package envoyadmin

import (
	"bufio"
	"context"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// statsFilter matches the statistics to read. Each HTTP connection manager has one for its route configuration.
const statsFilter = `^(control_plane\.connected_state|cluster_manager\.(cds\.update_rejected|warming_clusters)|` +
	`listener_manager\.(lds\.update_rejected|total_listeners_(warming|draining))|http\..*\.rds\..*\.update_rejected)$`

// maxStats limits how many statistics are kept.
const maxStats = 100000

// stats returns counters and gauges by name.
func (e Envoy) stats(ctx context.Context) (map[string]uint64, error) {
	body, err := e.get(ctx, "/stats", url.Values{"filter": {statsFilter}})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	out := map[string]uint64{}
	lines := bufio.NewScanner(body)
	for lines.Scan() && len(out) < maxStats {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		if n, err := strconv.ParseUint(value, 10, 64); err == nil {
			out[name] = n
		}
	}
	return out, lines.Err()
}

// rejections returns the number of rejected updates by type.
func rejections(stats map[string]uint64) map[string]uint64 {
	out := map[string]uint64{}
	for name, n := range stats {
		what, rejected := strings.CutSuffix(name, ".update_rejected")
		switch {
		case !rejected || n == 0:
		case what == "cluster_manager.cds":
			out["clusters"] += n
		case what == "listener_manager.lds":
			out["listeners"] += n
		default:
			out["routes"] += n
		}
	}
	return out
}

var releaseForm = regexp.MustCompile(`^[0-9a-f]+/([0-9A-Za-z.-]{1,40})/`)

// release returns the version number in Envoy's version, such as
// abc/1.39.1/Clean/RELEASE/BoringSSL.
func release(version string) string {
	if m := releaseForm.FindStringSubmatch(version); m != nil {
		return m[1]
	}
	return ""
}

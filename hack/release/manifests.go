package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/version"
)

// charts are the names of the Helm charts.
var charts = []string{"egraft", "gateway-helm-egraft"}

// mention matches the image in a manifest, with or without a tag.
var mention = regexp.MustCompile(`(?m)` + regexp.QuoteMeta(version.Image) + `(:(?:\w[\w+-]*(?:\.[\w+-]+)*)?|$\s+newTag: (\S+))`)

// verifyManifests checks that the manifests refer to this release, and that the file with all CRDs
// contains theirs.
func (r *release) verifyManifests() error {
	name := r.name("manifests.tar.gz")
	files, err := r.unpack(name, r.name("manifests"))
	if err != nil {
		return err
	}
	for _, path := range []string{"crds/kustomization.yaml", "deploy/component/sidecar.yaml", "deploy/component/kustomization.yaml", "deploy/deployment/deployment.yaml", "deploy/helm/post-render.sh", "LICENSE"} {
		if _, ok := files[path]; !ok {
			return fmt.Errorf("%s has no %s", name, path)
		}
	}
	for path, e := range files {
		for _, m := range mention.FindAllSubmatch(e.content, -1) {
			if tag := strings.TrimPrefix(string(m[1]), ":"); tag != r.version && string(m[2]) != r.version {
				return fmt.Errorf("%s: %s names the image of %q", name, path, strings.TrimSpace(tag))
			}
		}
	}
	crds, err := r.read(r.name("crds.yaml"))
	if err == nil && !bytes.Equal(crds, together(files, "crds")) {
		err = fmt.Errorf("%s does not have the CRDs of %s", r.name("crds.yaml"), name)
	}
	return err
}

// together concatenates the CRDs in a directory. If there are none, the result equals no file.
func together(files map[string]entry, directory string) []byte {
	var out []byte
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if path.Dir(name) == directory && strings.HasPrefix(path.Base(name), "egraft.io_") {
			out = append(out, files[name].content...)
		}
	}
	if out == nil {
		return []byte("none")
	}
	return out
}

// verifyCharts checks the versions of the charts, their image and their CRDs.
func (r *release) verifyCharts() error {
	var errs []error
	for _, chart := range charts {
		archive := chart + "-" + r.number() + ".tgz"
		files, err := r.unpack(archive, chart)
		if err == nil {
			err = r.verifyChart(files, chart)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", archive, err))
		}
	}
	return errors.Join(errs...)
}

func (r *release) verifyChart(files map[string]entry, name string) error {
	var chart struct{ Name, Version, AppVersion string }
	var values struct {
		Image  struct{ Tag string }
		Egraft struct{ Image struct{ Tag string } }
	}
	if err := errors.Join(yaml.Unmarshal(files["Chart.yaml"].content, &chart), yaml.Unmarshal(files["values.yaml"].content, &values)); err != nil {
		return err
	}
	app, tag := r.version, ""
	if name != "egraft" { // it is Envoy Gateway's, with a sidecar
		app, tag = version.EnvoyGateway, r.version
	}
	if chart.Name != name || chart.Version != r.number() || chart.AppVersion != app {
		return fmt.Errorf("it is %s %s of %s, not %s %s of %s", chart.Name, chart.Version, chart.AppVersion, name, r.number(), app)
	}
	if values.Image.Tag != "" || values.Egraft.Image.Tag != tag {
		return fmt.Errorf("its values name the images %q and %q, not %q", values.Image.Tag, values.Egraft.Image.Tag, tag)
	}
	crds, err := r.read(r.name("crds.yaml"))
	if err == nil && !bytes.Equal(crds, together(files, "files/crds")) {
		err = errors.New("it does not have the CRDs of " + r.name("crds.yaml"))
	}
	return err
}

package crds

// Extends reports which CRDs of this program are extended by a CRD: it has all of their fields, and
// more. It returns the hashes of the schemas that it extends, by name and version as [Schemas] has
// them.
func Extends(crd any) (map[string]string, error) {
	newer, err := documentOf(crd)
	if err != nil {
		return nil, err
	}
	all, err := embedded()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, d := range all {
		if d.Metadata.Name != newer.Metadata.Name {
			continue
		}
		own, err := d.hashes()
		if err != nil {
			return nil, err
		}
		for _, v := range d.Spec.Versions {
			name := d.Metadata.Name + "/" + v.Name
			if schema := newer.served(v.Name); schema != nil && covers(schema, v.Schema) && !covers(v.Schema, schema) {
				out[name] = own[name]
			}
		}
	}
	return out, nil
}

// served returns the schema of a version, or nil if the version is not served.
func (d *document) served(version string) any {
	for _, v := range d.Spec.Versions {
		if v.Name == version && v.Served {
			return v.Schema
		}
	}
	return nil
}

// covers reports whether a schema has every field of another one. It compares fields below
// properties, anywhere in the schema, but not rules.
func covers(schema, other any) bool {
	wanted, ok := other.(map[string]any)
	if !ok {
		return true
	}
	have, _ := schema.(map[string]any)
	for keyword, below := range wanted {
		switch keyword {
		case "properties":
			fields, _ := have[keyword].(map[string]any)
			for field, of := range below.(map[string]any) {
				if fields[field] == nil || !covers(fields[field], of) {
					return false
				}
			}
		case "items", "additionalProperties", "openAPIV3Schema":
			if !covers(have[keyword], below) {
				return false
			}
		}
	}
	return true
}

package envoyadmin

// Only is the report with some of its resources.
func (r *Report) Only(wanted func(kind, name string) bool) *Report {
	out := *r
	out.Resources = nil
	for _, x := range r.Resources {
		if wanted(string(x.Kind), x.Name) {
			out.Resources = append(out.Resources, x)
		}
	}
	return &out
}

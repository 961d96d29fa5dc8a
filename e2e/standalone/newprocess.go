package standalone

// NewProcess is a program that is no part of an environment. Its log is
// dir/log/NAME.log; the directory has to exist.
func NewProcess(dir, name string, command ...string) *Process {
	return newProcess(dir, name, command...)
}

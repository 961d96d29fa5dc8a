package policy

// Content is what decoding and validating an object came to. It is opaque to who waits for it.
type Content struct {
	typed any
	err   error
}

// Watch runs read, which decodes and validates an object. How long that takes, and whether it
// ends, depends on what a user wrote and on the kind. of is the object with no more than its
// header, and must not be kept. An error, where Watch stopped waiting or read panicked, makes the
// object a rejected one: name and targets are valid, and the error is why it cannot be used. An
// abandoned read may go on: nothing else uses its memory.
type Watch func(of *Object, read func() Content) (Content, error)

// WatchedRead reads a custom resource as [Read] does and leaves the watch over it to the caller.
type WatchedRead func(raw []byte, watch Watch) (*Object, error)

// WatchedReadOf reads custom resources of the given kinds.
func WatchedReadOf(kinds []Kind) WatchedRead {
	return func(raw []byte, watch Watch) (*Object, error) { return parse(kinds, raw, watch) }
}

// atOnce reads without a watch.
func atOnce(_ *Object, read func() Content) (Content, error) { return read(), nil }

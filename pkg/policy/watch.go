package policy

// Content is the result of decoding and validating an object. It is opaque to the caller of a
// [Watch].
type Content struct {
	typed any
	err   error
}

// Watch runs read, which decodes and validates an object. How long this takes, and whether it ends,
// depends on the user's input and on the kind. of is the object with only its header, and must not
// be kept. If Watch stopped waiting or read panicked, Watch returns an error, which makes the
// object a rejected one: its name and targets are valid, and the error is why it is invalid. An
// abandoned read may continue: nothing else uses its memory.
type Watch func(of *Object, read func() Content) (Content, error)

// WatchedRead reads a custom resource like [Read], under a watch of the caller.
type WatchedRead func(raw []byte, watch Watch) (*Object, error)

// WatchedReadOf reads custom resources of the given kinds.
func WatchedReadOf(kinds []Kind) WatchedRead {
	return func(raw []byte, watch Watch) (*Object, error) { return parse(kinds, raw, watch) }
}

// atOnce reads without a watch.
func atOnce(_ *Object, read func() Content) (Content, error) { return read(), nil }

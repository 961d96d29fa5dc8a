package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
)

// entry is a kept group.
type entry struct {
	digest
	metas []recording.Meta // of the single resources, followed by that of the translation
	blob  []byte           // the calls in the same order, compressed
	raw   int              // uncompressed size in bytes
	// known maps the digests of the translation's resources before redaction to those after it. It
	// is nil except in the last entry of a Gateway.
	known  map[digest]digest
	number int
}

// pack redacts and compresses a group, one resource at a time.
func (r *redactor) pack(g *group, gateway string, last *entry) (*entry, error) {
	var known map[digest]digest
	if last != nil {
		known = last.known
	}
	e := &entry{known: map[digest]digest{}}
	var out bytes.Buffer
	// Concurrency 1 makes the writer use this goroutine, and less memory means a window of 4 MB.
	z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	w := &packer{w: z}
	for _, s := range g.done.list {
		w.call(s.call, nil)
		m := s.Meta
		m.Gateway = gateway
		e.metas = append(e.metas, m)
	}
	all, redacted := r.group(g), 0
	w.call(g.translation.call, func(k mutator.Kind, raw []byte) []byte {
		one := r.resource(k, raw, known)
		e.known[one.came] = one.is
		if one.redacted {
			redacted++
		}
		all.add(one.is)
		return one.bytes
	}, func() { all.add(digest{}) })
	e.metas = append(e.metas, metaOf(g.translation, gateway, redacted))
	e.digest, e.raw = all.digest(), w.size
	err = errors.Join(w.err, z.Close())
	e.blob = bytes.Clone(out.Bytes()) // drops the spare capacity of the buffer
	return e, err
}

// packer writes calls as fields preceded by their lengths.
type packer struct {
	w    io.Writer
	size int
	err  error
}

func (p *packer) bytes(b []byte) {
	p.number(len(b))
	p.write(b)
}

func (p *packer) number(n int) {
	p.write(binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64), uint64(n)))
}

func (p *packer) write(b []byte) {
	if p.err == nil {
		_, p.err = p.w.Write(b)
		p.size += len(b)
	}
}

// call writes a call. redacted replaces each resource if it is not nil; the functions in then are
// called after each list.
func (p *packer) call(c *engine.Call, redacted func(mutator.Kind, []byte) []byte, then ...func()) {
	p.bytes([]byte(c.Hook))
	p.number(len(c.Hostnames))
	for _, h := range c.Hostnames {
		p.bytes([]byte(h))
	}
	p.number(len(c.Objects))
	for _, o := range c.Objects {
		p.bytes(o)
	}
	p.number(len(c.Resources))
	for _, list := range c.Resources {
		p.bytes([]byte(list.Kind))
		p.number(len(list.Encoded))
		for _, raw := range list.Encoded {
			if redacted != nil {
				raw = redacted(list.Kind, raw)
			}
			p.bytes(raw)
		}
		for _, do := range then {
			do()
		}
	}
}

// unpack decodes the output of [redactor.pack].
func (e *entry) unpack() ([]*recording.Call, error) {
	z, err := zstd.NewReader(bytes.NewReader(e.blob), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	b := make([]byte, e.raw)
	if _, err := io.ReadFull(z, b); err != nil {
		return nil, fmt.Errorf("decompress calls: %w", err)
	}
	u := unpacker(b)
	var calls []*recording.Call
	for _, m := range e.metas {
		calls = append(calls, &recording.Call{Meta: m, Call: u.call()})
	}
	return calls, nil
}

// unpacker is the input that is left. It trusts the input, since this process wrote it.
type unpacker []byte

func (u *unpacker) number() int {
	n, size := binary.Uvarint(*u)
	*u = (*u)[size:]
	return int(n)
}

func (u *unpacker) bytes() []byte {
	n := u.number()
	b := (*u)[:n:n]
	*u = (*u)[n:]
	return b
}

func (u *unpacker) list() [][]byte {
	n := u.number()
	if n == 0 {
		return nil
	}
	out := make([][]byte, n)
	for i := range out {
		out[i] = u.bytes()
	}
	return out
}

func (u *unpacker) call() *engine.Call {
	c := &engine.Call{Hook: mutator.Hook(u.bytes())}
	for _, h := range u.list() {
		c.Hostnames = append(c.Hostnames, string(h))
	}
	c.Objects = u.list()
	for range u.number() {
		c.Resources = append(c.Resources, engine.Resources{Kind: mutator.Kind(u.bytes()), Encoded: u.list()})
	}
	return c
}

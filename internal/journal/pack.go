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

// entry is a group that is kept.
type entry struct {
	digest
	metas []recording.Meta // those of the single resources, then that of the translation
	blob  []byte           // the calls in the same order, compressed
	raw   int              // bytes before
	// known has the digests of the resources of the translation, by the digests of what came. It is
	// nil but for the last group of a Gateway.
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
	// With one goroutine the writer works in this one, and with less memory it has a window of 4 MB.
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
	e.blob = bytes.Clone(out.Bytes()) // a buffer has room for more
	return e, err
}

// packer writes calls as lists of fields with their lengths.
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

// call writes a call, whose resources are what redacted makes of them if it is not nil; after each
// list the functions in then are called.
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

// unpack reads what [redactor.pack] wrote.
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

// unpacker is what is left to read. It reads what this process wrote.
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

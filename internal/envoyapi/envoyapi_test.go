package envoyapi_test

import (
	"bytes"
	"compress/gzip"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/egraft/egraft/internal/envoyapi"
	_ "github.com/egraft/egraft/pkg/mutator/mutatortest" // all messages of Envoy's API
)

// updating reports whether the test writes descriptors.binpb.gz. The conformance kit defines the flag.
func updating() bool { return flag.Lookup("update").Value.String() == "true" }

// TestDescriptors compares the descriptors with the API version in go.mod. With -update it writes them.
func TestDescriptors(t *testing.T) {
	want := current()
	require.Greater(t, len(want.GetFile()), 400)
	if updating() {
		b, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
		require.NoError(t, err)
		var out bytes.Buffer
		w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
		require.NoError(t, err)
		_, err = w.Write(b)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		require.NoError(t, os.WriteFile("descriptors.binpb.gz", out.Bytes(), 0o644))
		envoyapi.SetDescriptors(out.Bytes())
	}
	got, err := envoyapi.Descriptors()
	require.NoError(t, err)
	require.True(t, proto.Equal(want, got), "go.mod has another version of Envoy's API: run make generate")
}

// current returns the files of Envoy's and xDS's API, each after its imports.
func current() *descriptorpb.FileDescriptorSet {
	set, seen := &descriptorpb.FileDescriptorSet{}, map[string]bool{}
	var add func(f protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if seen[f.Path()] || f.IsPlaceholder() {
			return
		}
		seen[f.Path()] = true
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		set.File = append(set.File, protodesc.ToFileDescriptorProto(f))
	}
	var paths []string
	protoregistry.GlobalFiles.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		if p := f.Path(); strings.HasPrefix(p, "envoy/") || strings.HasPrefix(p, "xds/") || strings.HasPrefix(p, "udpa/") {
			paths = append(paths, p)
		}
		return true
	})
	slices.Sort(paths)
	for _, p := range paths {
		f, _ := protoregistry.GlobalFiles.FindFileByPath(p)
		add(f)
	}
	return set
}

// TestEveryMessageIsDescribed: every message with Go code has a descriptor.
func TestEveryMessageIsDescribed(t *testing.T) {
	d, err := envoyapi.Described()
	require.NoError(t, err)
	messages := 0
	protoregistry.GlobalTypes.RangeMessages(func(m protoreflect.MessageType) bool {
		name := m.Descriptor().FullName()
		if !strings.HasPrefix(string(name), "envoy.") {
			return true
		}
		_, err := d.FindMessageByName(name)
		require.NoError(t, err, name)
		found, err := envoyapi.Types{}.FindMessageByURL("type.googleapis.com/" + string(name))
		require.NoError(t, err, name)
		require.Equal(t, m, found, "types with Go code come first")
		messages++
		return true
	})
	require.Greater(t, messages, 1300)
	_, err = envoyapi.Types{}.FindMessageByName("envoy.none.v3.None")
	require.ErrorIs(t, err, protoregistry.NotFound)
	_, err = envoyapi.Types{}.FindMessageByURL("type.googleapis.com/envoy.none.v3.None")
	require.ErrorIs(t, err, protoregistry.NotFound)
}

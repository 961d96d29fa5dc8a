// Package envoyapi knows all messages of Envoy's current API and of xDS, including those without Go
// code in the program: resources may contain any of them inside an Any.
//
// Messages without Go code are read by their descriptors, which take a fortieth of the space. The
// package must not know the meaning of messages.
package envoyapi

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	_ "github.com/cncf/xds/go/udpa/annotations" // without it, options of fields have no annotations
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// descriptors is a compressed FileDescriptorSet that includes all imports. TestDescriptors writes
// it with -update.
//
//go:embed descriptors.binpb.gz
var descriptors []byte

// Types resolves messages by name, those with Go code first. protojson and proto accept it as a Resolver.
type Types struct{}

// described returns the types without Go code. Reading them takes about 0.1 s, and most programs
// never need them.
var described = sync.OnceValues(func() (*dynamicpb.Types, error) {
	files, err := files()
	if err != nil {
		return nil, err
	}
	return dynamicpb.NewTypes(files), nil
})

var files = sync.OnceValues(readDescriptors)

// Extensions returns the names of all messages of extensions, sorted; nil if they cannot be read.
var Extensions = sync.OnceValue(func() (names []string) {
	files, err := files()
	if err != nil {
		return nil
	}
	files.RangeFiles(func(f protoreflect.FileDescriptor) bool {
		for i := range f.Messages().Len() {
			if name := string(f.Messages().Get(i).FullName()); strings.HasPrefix(name, "envoy.extensions.") {
				names = append(names, name)
			}
		}
		return true
	})
	slices.Sort(names)
	return names
})

// FindMessageByName implements [protoregistry.MessageTypeResolver].
func (Types) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if t, err := protoregistry.GlobalTypes.FindMessageByName(name); err == nil {
		return t, nil
	}
	d, err := described()
	if err != nil {
		return nil, err
	}
	return d.FindMessageByName(name)
}

// FindMessageByURL implements [protoregistry.MessageTypeResolver].
func (Types) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if t, err := protoregistry.GlobalTypes.FindMessageByURL(url); err == nil {
		return t, nil
	}
	d, err := described()
	if err != nil {
		return nil, err
	}
	return d.FindMessageByURL(url)
}

// FindExtensionByName implements [protoregistry.ExtensionTypeResolver].
func (Types) FindExtensionByName(name protoreflect.FullName) (protoreflect.ExtensionType, error) {
	return protoregistry.GlobalTypes.FindExtensionByName(name)
}

// FindExtensionByNumber implements [protoregistry.ExtensionTypeResolver].
func (Types) FindExtensionByNumber(message protoreflect.FullName, number protoreflect.FieldNumber) (protoreflect.ExtensionType, error) {
	return protoregistry.GlobalTypes.FindExtensionByNumber(message, number)
}

func readDescriptors() (*protoregistry.Files, error) {
	set, err := decode(descriptors)
	if err != nil {
		return nil, fmt.Errorf("read descriptors of Envoy's API: %w", err)
	}
	files, err := protodesc.NewFiles(set)
	if err != nil {
		return nil, fmt.Errorf("link descriptors of Envoy's API: %w", err)
	}
	return files, nil
}

func decode(compressed []byte) (*descriptorpb.FileDescriptorSet, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	set := &descriptorpb.FileDescriptorSet{}
	return set, proto.Unmarshal(b, set)
}

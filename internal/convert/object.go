package convert

import (
	"encoding/json"
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
)

// object adds an object if egraft accepts it as valid.
func (c *collected) object(kind, namespace string, content any, gateways []string) {
	o := &Object{Kind: kind, Namespace: namespace, Name: c.name(kind, namespace), From: c.policy.String(), Content: content}
	text, err := o.JSON()
	if err == nil {
		err = c.check(o, text, gateways)
	}
	if err != nil {
		c.reject(reject("Write it by hand", "%s %s/%s would be invalid: %s", kind, short(namespace), short(o.Name), short(err.Error())))
		return
	}
	c.objects = append(c.objects, o)
}

// valid rejects an object that is invalid for egraft.
func (c *collected) valid(kind, namespace string, content any) error {
	if len(validation.IsDNS1123Label(namespace)) > 0 {
		return reject("", "%q is not a valid namespace name", short(namespace))
	}
	o := &Object{Kind: kind, Namespace: namespace, Name: "valid", Content: content}
	text, err := o.JSON()
	if err == nil {
		var read *policy.Object
		read, err = c.read(c.kinds(), text)
		err = firstOf(err, read)
	}
	if err != nil {
		return reject("Write it by hand", "the %s would be invalid: %s", kind, short(err.Error()))
	}
	return nil
}

// kinds returns the kinds without the restrictions of namespaces.
func (c *collected) kinds() (kinds []policy.Kind) {
	for _, k := range c.converter.Kinds {
		kinds = append(kinds, k.WithPermit(nil))
	}
	return kinds
}

// check reads an object as egraft does, and records the grants that its namespace lacks.
func (c *collected) check(o *Object, text []byte, gateways []string) error {
	kinds := c.kinds()
	if valid, err := c.read(kinds, text); err != nil || valid.Err != nil {
		return firstOf(err, valid)
	}
	for i := range kinds {
		kinds[i] = kinds[i].WithPermit(c.converter.Restrictions.Permit)
	}
	granted, err := c.read(kinds, text)
	if err != nil {
		return err
	}
	isForOthers := granted.OwnGateways && hasOther(gateways, o.Namespace)
	if granted.Err == nil && !isForOthers {
		return nil
	}
	return c.grant(o, isForOthers)
}

func firstOf(err error, o *policy.Object) error {
	if err != nil {
		return err
	}
	return o.Err
}

func hasOther(namespaces []string, own string) bool {
	return slices.ContainsFunc(namespaces, func(n string) bool { return n != own })
}

// read reads an object together with its validation error.
func (c *collected) read(kinds []policy.Kind, text []byte) (*policy.Object, error) {
	set, err := policy.NewSet(kinds, [][]byte{text})
	if err != nil {
		return nil, err
	}
	for _, k := range kinds {
		for _, o := range set.Of(k.GroupVersionKind) {
			return o, nil
		}
	}
	return nil, errors.New("is of a kind that is not enabled")
}

// String returns Kind namespace/name.
func (o *Object) String() string { return o.Kind + " " + o.Namespace + "/" + o.Name }

// JSON returns the object as JSON.
func (o *Object) JSON() ([]byte, error) {
	text, err := json.Marshal(o.Content)
	if err != nil {
		return nil, err
	}
	doc, err := decode(text)
	if err != nil {
		return nil, err
	}
	members, _ := doc.(map[string]any)
	spec, _ := members["spec"].(map[string]any)
	return json.Marshal(map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": o.Kind,
		"metadata": map[string]any{"name": o.Name, "namespace": o.Namespace}, "spec": spec,
	})
}

// YAML returns the object as YAML.
func (o *Object) YAML() ([]byte, error) {
	text, err := o.JSON()
	if err != nil {
		return nil, err
	}
	return asYAML(text)
}

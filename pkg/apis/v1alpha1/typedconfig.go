package v1alpha1

import (
	"encoding/json"
	"errors"
	"slices"
)

// UnmarshalJSON keeps the object as it is written: which fields are valid depends on the message.
func (c *TypedConfig) UnmarshalJSON(raw []byte) error {
	var typed struct {
		Type string `json:"@type"`
	}
	if err := json.Unmarshal(raw, &typed); err != nil {
		return errors.New("a typed configuration must be an object with @type")
	}
	c.Type, c.Raw = typed.Type, slices.Clone(raw)
	return nil
}

// MarshalJSON returns the object as it was written.
func (c TypedConfig) MarshalJSON() ([]byte, error) {
	if c.Raw == nil {
		return json.Marshal(map[string]string{"@type": c.Type})
	}
	return c.Raw, nil
}

package version

// Release is the newest release of egraft. The manifests and charts in the repository name its
// image, and hack/release.sh builds no other release. To make a new release, change it here; tests
// find the other places to change.
const Release = "v0.1.0"

// Image is the repository of the image of releases.
const Image = "ghcr.io/egraft/egraft"

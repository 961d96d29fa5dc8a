package version

// Release is the newest release of egraft. The manifests and charts of the repository name its image,
// and hack/release.sh builds no other. To cut a release, change it here; tests find what else has it.
const Release = "v0.1.0"

// Image is the repository of the image of releases.
const Image = "ghcr.io/egraft/egraft"

"""What azure.azcollection calls, and azure-cli-core 2.75 no longer has: the cloud that an address describes."""

import azure.cli.core.cloud as cloud


def described(address, name=None):
    """The cloud whose metadata is at an address: all of it is at that origin."""
    origin = address.split("/metadata/")[0]
    endpoints = cloud.CloudEndpoints(
        management=origin,
        resource_manager=origin,
        active_directory=origin,
        active_directory_resource_id="https://management.azure.com",
        active_directory_graph_resource_id=origin,
    )
    return cloud.Cloud(name or "simulated", endpoints=endpoints, suffixes=cloud.CloudSuffixes(storage_endpoint="core.simulator"))


if not hasattr(cloud, "get_cloud_from_metadata_endpoint"):
    cloud.get_cloud_from_metadata_endpoint = described

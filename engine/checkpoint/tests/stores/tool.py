"""What the tests of stores ask of others: keys of age, and clients of the stores that are not ours."""

import json
import sys

import pyrage


def store(kind, origin):
    if kind == "s3":
        import boto3

        client = boto3.client("s3", endpoint_url=origin, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret")
        return S3(client)
    from azure.storage.blob import ContainerClient

    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
    client = ContainerClient(f"{origin}/devstoreaccount1", "backups", credential={"account_name": "devstoreaccount1", "account_key": key})
    return Azure(client)


class S3:
    def __init__(self, client):
        self.client = client

    def make(self):
        self.client.create_bucket(Bucket="backups")

    def put(self, name):
        self.client.put_object(Bucket="backups", Key=name, Body=b"of somebody else")

    def names(self):
        return sorted(item["Key"] for item in self.client.list_objects_v2(Bucket="backups").get("Contents", []))

    def read(self, name):
        found = self.client.get_object(Bucket="backups", Key=name)
        return found["Body"].read(), found["Metadata"], found["LastModified"].isoformat()


class Azure:
    def __init__(self, client):
        self.client = client

    def make(self):
        self.client.create_container()

    def put(self, name):
        self.client.upload_blob(name, b"of somebody else")

    def names(self):
        return sorted(item.name for item in self.client.list_blobs())

    def read(self, name):
        blob = self.client.get_blob_client(name)
        properties = blob.get_blob_properties()
        return blob.download_blob().readall(), properties.metadata, properties.last_modified.isoformat()


def main(command, *words):
    if command == "keys":
        identity = pyrage.x25519.Identity.generate()
        return {"secret": str(identity), "public": str(identity.to_public())}
    client = store(words[0], words[1])
    if command == "read":
        sealed, metadata, changed = client.read(words[2])
        # Anyone of the recipients opens it, by a program that is not ours.
        identity = pyrage.x25519.Identity.from_str(words[3])
        with open(words[4], "wb") as file:
            file.write(pyrage.decrypt(sealed, [identity]))
        return {"metadata": metadata, "changed": changed, "size": len(sealed)}
    return getattr(client, command)(*words[2:])


print(json.dumps(main(*sys.argv[1:])))

"""Every warning of a district as it is raised, updated and cleared. Needs `v2x serve` and aiomqtt."""

import asyncio

import aiomqtt


async def main() -> None:
    async with aiomqtt.Client("127.0.0.1", 1883) as client:
        await client.subscribe("v2x/v1/+/+/warning/#")
        async for message in client.messages:
            print(message.topic, bytes(message.payload).decode())


asyncio.run(main())

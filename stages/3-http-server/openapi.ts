/**
 * `/openapi.json`: the routes as OpenAPI 3.1, made from the same schemas that check what comes in.
 *
 * Always true: what it says is required is required, and what may be left out may. Every route that is added after
 * `describeRoutes` is in it, also those of a later stage.
 */
import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import type { TSchema } from 'typebox';
import { PROTOCOL_VERSION } from './routes/broker-routes.ts';
import type { CheckedServerOptions } from './server-options.ts';
import { mayBeAbsent } from './validator.ts';

interface Operation {
  readonly requestBody?: {
    required?: boolean;
    readonly content: Readonly<Record<string, { readonly schema?: TSchema }>>;
  };
}

const TOKEN = { type: 'http', scheme: 'bearer', description: 'a token' } as const;
const PASSWORD = { type: 'http', scheme: 'basic', description: 'user and password' } as const;

/** What a server asks for: its token, or what its Admission makes of a token or a password. */
export async function describeRoutes(
  app: FastifyInstance,
  { token, admission }: Pick<CheckedServerOptions, 'token' | 'admission'>,
): Promise<void> {
  const isGuarded = token !== undefined || admission !== undefined;
  const schemes = { token: TOKEN, ...(admission === undefined ? {} : { password: PASSWORD }) };
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'StageMQ over HTTP', version: String(PROTOCOL_VERSION), description: 'docs/protocol-http.md' },
      components: { securitySchemes: schemes },
      ...(isGuarded ? { security: Object.keys(schemes).map((name) => ({ [name]: [] })) } : {}),
    },
    transformObject: (made) => {
      if (!('openapiObject' in made)) return made.swaggerObject;
      for (const path of Object.values(made.openapiObject.paths ?? {})) {
        for (const operation of Object.values(path ?? {})) correctBody(operation as Operation);
      }
      return made.openapiObject;
    },
  });
}

/** The plugin calls every body required. */
function correctBody({ requestBody }: Operation): void {
  const schema = requestBody?.content['application/json']?.schema;
  if (requestBody !== undefined && schema !== undefined && mayBeAbsent(schema)) requestBody.required = false;
}

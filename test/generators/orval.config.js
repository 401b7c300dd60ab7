/** Without `splitByContentType` orval sends the JSON of an operation that also has a form without a media type. */
export default {
  crm: {
    input: './openapi.json',
    output: {
      target: './orval.gen.ts',
      client: 'fetch',
      baseUrl: process.env.CRM_URL,
      override: { splitByContentType: true },
    },
  },
};
